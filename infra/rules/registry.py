"""What a rule is, and the list of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from infra.rules.component import Component

__all__ = ["RULES", "Rule", "Violation", "rule"]

Check = Callable[[Component], Iterable[str]]


@dataclass(frozen=True)
class Violation:
    """A rule that is broken, and by what."""

    rule: str
    culprit: str


@dataclass(frozen=True)
class Rule:
    """A rule over the synthesised templates: its name, what it asks for, and what finds who breaks it."""

    name: str
    asks: str
    check: Check

    def violations(self, component: Component) -> Iterator[Violation]:
        """Everything that breaks the rule."""
        return (Violation(self.name, culprit) for culprit in self.check(component))


RULES: Final[dict[str, Rule]] = {}
"""By name."""


def rule(check: Check) -> Check:
    """Make a rule of a function: its name with dashes, and the first line of its docstring."""
    name = check.__name__.replace("_", "-")
    RULES[name] = Rule(name, (check.__doc__ or "").strip().splitlines()[0], check)
    return check
