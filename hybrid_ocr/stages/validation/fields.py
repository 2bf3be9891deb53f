"""Fields: values that users expect in their documents, found by patterns of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field, field_validator

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.result import FieldMatch, FieldValue, ResultPage
from hybrid_ocr.stages.validation.patterns import Match, compile_pattern
from hybrid_ocr.stages.validation.text import LocatedText, locate_text


class FieldPattern(Message):
    """A value that users expect in their documents, for example an invoice number.

    `pattern` is in RE2 syntax: matched in time linear in the text, so no pattern and no document can
    stall the check. It has neither back-references nor look-around.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    pattern: str = Field(min_length=1, max_length=500)
    required: bool = True

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compile_pattern(pattern)
        except RequestError as error:
            raise ValueError(error.message) from None
        return pattern


def find_fields(patterns: Iterable[FieldPattern], pages: Iterable[ResultPage]) -> Mapping[str, FieldValue]:
    """The value of each field that is on at least one page: its first match on every page that has one.

    The value is what the first group of the pattern matched that took part, the whole match where the
    pattern has no groups. A match of no characters is none.

    Args:
        patterns: their names differ.
        pages: in order of their number.

    Returns:
        Values by the name of their field, in the order of `patterns`.
    """
    texts = [(page.number, locate_text(page)) for page in pages]
    found = {}
    for pattern in patterns:
        matches = [match for number, text in texts if (match := _first_match(pattern, number, text))]
        if matches:
            first, *later = matches
            found[pattern.name] = FieldValue(**first.model_dump(), later=tuple(later))
    return found


def _first_match(pattern: FieldPattern, page: int, text: LocatedText) -> FieldMatch | None:
    match = compile_pattern(pattern.pattern).search(text.text)
    if match is None:
        return None
    start, end = match.span(_group(match))
    value = text.text[start:end]
    start += len(value) - len(value.lstrip())
    line = text.line_at(start) if value.strip() else None
    if line is None:
        return None
    return FieldMatch(value=value.strip(), page=page, line_id=line.id, confidence=line.confidence)


def _group(match: Match) -> int:
    """The first group that took part in a match; 0, the whole of it, where none did."""
    return next((n for n, text in enumerate(match.groups(), 1) if text is not None), 0)
