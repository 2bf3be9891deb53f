"""Rules of what a stage leaves behind and of what stands beside it: a second try, and a second stage."""

from __future__ import annotations

from collections.abc import Iterator

from infra.rules.component import Component, Resource
from infra.rules.registry import rule

_NAME_KEYS = ("Name", "TableName", "AliasName", "DashboardName", "PolicyName")
"""Physical names of types that nothing refers to by name, beside those that `Resource.name` has."""


@rule
def nothing_blocks_a_second_try(component: Component) -> Iterator[str]:
    """What is kept when a stack is deleted goes with a stack that could not be made."""
    for resource in component.resources:
        protected = any(
            replica.get("DeletionProtectionEnabled") for replica in resource.properties.get("Replicas", ())
        )
        if resource.deletion == "Retain" or protected:
            yield str(resource)


@rule
def names_carry_the_stage(component: Component) -> Iterator[str]:
    """Every physical name has the stage in it, so that stages stand side by side in one region."""
    for resource in component.resources:
        if any(component.prefix not in name for name in _names(resource)):
            yield str(resource)


@rule
def own_metrics_carry_the_stage(component: Component) -> Iterator[str]:
    """Every function counts in a namespace of the stage."""
    stage = component.prefix.rpartition("hybrid-ocr-")[2]
    for function in component.of("AWS::Lambda::Function"):
        told = function.properties.get("Environment", {}).get("Variables", {})
        if not str(told.get("HYBRID_OCR_METRICS_NAMESPACE")).endswith(f"/{stage}"):
            yield str(function)


def _names(resource: Resource) -> list[str]:
    told = [resource.name, *(resource.properties.get(key, "") for key in _NAME_KEYS)]
    return [name for name in told if isinstance(name, str) and name]
