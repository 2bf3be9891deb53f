"""Roles whose whole permission is one hand-written policy."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

__all__ = ["role"]


def role(
    scope: Construct, name: str, service: str, statements: Sequence[iam.PolicyStatement], account: str
) -> iam.Role:
    """A role that a service of this account may take on.

    No construct adds to it: what it may do stands in infra/permissions.py and nowhere else.
    """
    policy = iam.ManagedPolicy(
        scope, f"{name}Policy", document=iam.PolicyDocument(statements=list(statements), minimize=False)
    )
    principal = iam.ServicePrincipal(
        f"{service}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
    )
    return iam.Role(scope, f"{name}Role", assumed_by=principal, managed_policies=[policy])
