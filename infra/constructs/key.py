"""The key that encrypts everything at rest."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.deployment import Deployment

__all__ = ["data_key"]

_ADMINISTRATION: Final = (
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "Decrypt", "DeleteAlias", "DescribeKey", "DisableKey",
    "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListGrants",
    "ListKeyPolicies", "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncryptFrom",
    "ReEncryptTo", "RetireGrant", "RevokeGrant", "ScheduleKeyDeletion", "TagResource", "UntagResource",
    "UpdateAlias", "UpdateKeyDescription",
)  # fmt: skip
"""What the account itself may do, so that IAM decides who uses the key and nobody is locked out of it."""

_USERS: Final = ("cloudwatch", "delivery.logs", "events", "sns")
"""Services that use the key on their own behalf: alarms, rules and topics that hand on encrypted messages."""


def data_key(scope: Construct, deployment: Deployment) -> kms.Key:
    """One key for the deployment, renewed each year."""
    names = deployment.names
    account = iam.PolicyStatement(
        sid="AccountAdministersAndUses",
        principals=[iam.AccountRootPrincipal()],
        actions=[f"kms:{action}" for action in _ADMINISTRATION],
        resources=["*"],
    )
    services = iam.PolicyStatement(
        sid="ServicesHandOnMessages",
        principals=[iam.ServicePrincipal(f"{service}.amazonaws.com") for service in _USERS],
        actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
        resources=["*"],
        conditions={"StringEquals": {"aws:SourceAccount": names.account}},
    )
    logs = iam.PolicyStatement(
        sid="LogGroups",
        principals=[iam.ServicePrincipal(f"logs.{names.region}.amazonaws.com")],
        actions=[
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": names.arn("logs", "log-group:*")}},
    )
    return kms.Key(
        scope,
        "Key",
        alias=f"alias/{names.prefix}",
        description=f"Encrypts the documents, messages and logs of {names.prefix}",
        enable_key_rotation=True,
        policy=iam.PolicyDocument(statements=[account, services, logs]),
        removal_policy=deployment.removal,
    )
