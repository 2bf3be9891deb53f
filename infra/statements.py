"""A statement of a policy, in the one form that this project writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam

__all__ = ["allow"]


def allow(
    actions: Sequence[str], *resources: str, conditions: Mapping[str, Mapping[str, object]] | None = None
) -> iam.PolicyStatement:
    """Allow actions on resources, where conditions hold."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
