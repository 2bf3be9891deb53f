"""Policies to hand to people and programs that use the component: IAM is the only way in."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.deployment import Deployment
from infra.permissions import Permissions

__all__ = ["Access"]


class Access(Construct):
    """One policy for who hands in documents, one for who calls the real-time endpoints, if there are any."""

    def __init__(self, scope: Construct, name: str, deployment: Deployment, key: kms.IKey) -> None:
        super().__init__(scope, name)
        permissions, prefix = Permissions(deployment, key.key_arn), deployment.names.prefix
        self._policy("Producer", f"Hands documents to {prefix} and takes results", permissions.producer())
        if "realtime" in deployment.settings.profile.modes:
            self._policy(
                "Caller", f"Calls the real-time endpoints of {prefix}", permissions.realtime_caller()
            )

    def _policy(self, name: str, description: str, statements: Sequence[iam.PolicyStatement]) -> None:
        document = iam.PolicyDocument(statements=list(statements))
        policy = iam.ManagedPolicy(self, name, description=description, document=document)
        CfnOutput(self, f"{name}Policy", value=policy.managed_policy_arn, description=description)
