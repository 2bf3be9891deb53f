"""Rules about the fields that users expect in their documents."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from hybrid_ocr.stages.validation.rules import Rule, RuleInput, Violation


class RequiredFieldMissing(Rule):
    """A field that the rules file requires is on no page."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        yield from _missing_fields(document, required=True)


class OptionalFieldMissing(Rule):
    """A field that the rules file names as optional is on no page."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        yield from _missing_fields(document, required=False)


def _missing_fields(document: RuleInput, *, required: bool) -> Iterator[Violation]:
    for field in document.fields:
        if field.required is required and field.name not in document.found_fields:
            yield Violation(f"field {field.name} is on no page")
