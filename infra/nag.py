"""The five rule packs of cdk-nag over the app."""

from __future__ import annotations

from typing import Final

import cdk_nag
from constructs import IConstruct

__all__ = ["findings"]

_PACKS: Final = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.PCIDSS321Checks,
    cdk_nag.ServerlessChecks,
)


def findings(app: IConstruct) -> list[tuple[str, str]]:
    """Every finding that nobody acknowledged: its id, and the path of the construct."""
    return [
        (violation.rule_name, resource.construct_path or "")
        for pack in _PACKS
        for violation in pack(app).validate_scope(app).violations
        for resource in violation.violating_resources
    ]
