"""A dashboard as CloudWatch takes it."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.board import Board, body
from infra.deployment import Deployment, camel

__all__ = ["dashboard"]


def dashboard(scope: Construct, deployment: Deployment, board: Board) -> None:
    """A dashboard, laid out."""
    cloudwatch.CfnDashboard(
        scope,
        camel(board.name, "dashboard"),
        dashboard_name=f"{deployment.names.prefix}-{board.name}",
        dashboard_body=Stack.of(scope).to_json_string(body(board, deployment.names.region)),
    )
