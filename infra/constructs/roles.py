"""Roles whose whole permission is one hand-written policy."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Tags
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.permissions import LOG_GROUP_TAG

__all__ = ["role"]


def role(
    scope: Construct,
    name: str,
    service: str,
    statements: Sequence[iam.PolicyStatement],
    *,
    account: str,
    log_group: str | None = None,
) -> iam.Role:
    """A role that a service of this account may take on.

    No construct adds to it: what it may do stands in infra/permissions.py and nowhere else.

    Args:
        log_group: the one whose streams it may write to.
    """
    policy = iam.ManagedPolicy(
        scope, f"{name}Policy", document=iam.PolicyDocument(statements=list(statements), minimize=False)
    )
    principal = iam.ServicePrincipal(
        f"{service}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": account}}
    )
    made = iam.Role(scope, f"{name}Role", assumed_by=principal, managed_policies=[policy])
    if log_group is not None:
        Tags.of(made).add(LOG_GROUP_TAG, log_group)
    return made
