"""Rules of our own over the synthesised templates: what the component promises and no general tool knows."""

from infra.rules import access, endpoints, flow, functions, lifecycle, messages, operations, storage
from infra.rules.component import Component, Resource
from infra.rules.registry import RULES, Rule, Violation

__all__ = ["RULES", "Component", "Resource", "Rule", "Violation", "violations"]

_MODULES = (access, endpoints, flow, functions, lifecycle, messages, operations, storage)
"""Imported for the rules that they register."""


def violations(component: Component) -> list[Violation]:
    """Everything that breaks any rule."""
    return [found for rule in RULES.values() for found in rule.violations(component)]
