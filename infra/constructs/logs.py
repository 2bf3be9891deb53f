"""Log groups: encrypted, and kept for as long as the stage says."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.deployment import Deployment

__all__ = ["log_group"]


def log_group(
    scope: Construct, name: str, deployment: Deployment, key: kms.IKey, physical_name: str
) -> logs.CfnLogGroup:
    """A log group."""
    group = logs.CfnLogGroup(
        scope,
        name,
        log_group_name=physical_name,
        retention_in_days=deployment.settings.stage.log_retention_days,
        kms_key_id=key.key_arn,
    )
    group.apply_removal_policy(deployment.removal)
    return group
