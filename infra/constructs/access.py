"""Policies to hand to people and programs that use the component."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.deployment import Deployment
from infra.permissions import Permissions

__all__ = ["RealtimeAccess"]


class RealtimeAccess(Construct):
    """The way in for callers in a hurry: whoever has this policy may call the real-time endpoints by IAM."""

    def __init__(self, scope: Construct, name: str, deployment: Deployment) -> None:
        super().__init__(scope, name)
        statements = Permissions(deployment, "", "").realtime_caller()
        policy = iam.ManagedPolicy(
            self,
            "Caller",
            description=f"Calls the real-time endpoints of {deployment.names.prefix}",
            document=iam.PolicyDocument(statements=statements),
        )
        CfnOutput(self, "CallerPolicy", value=policy.managed_policy_arn)
