"""Rules about the text of lines: how sure it is, and whether it can be what was printed."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field
from typing_extensions import override

from hybrid_ocr.contracts.base import Probability
from hybrid_ocr.stages.validation.characters import has_hidden_controls, mixes_scripts, symbol_share
from hybrid_ocr.stages.validation.rules import Rule, RuleInput, Violation


class LineWithoutText(Rule):
    """Text detection found a line and OCR read nothing on it."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            for line in page.lines:
                if not line.text.strip():
                    yield Violation("nothing was read on this line", page.number, line_id=line.id)


class LowConfidenceLine(Rule):
    """A line was read with little confidence. The report colours lines by the same bounds."""

    below: Probability = Field(default=0.7, description="a line read with less is weak")
    sure_from: Probability = Field(default=0.9, description="the report shows a line as sure from here")

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            for line in page.lines:
                if line.text.strip() and line.confidence < self.below:
                    message = f"read with confidence {line.confidence:.2f}, below {self.below:.2f}"
                    yield Violation(message, page.number, line_id=line.id)


class LowConfidencePage(Rule):
    """The characters of a page were read with little confidence on average."""

    below: Probability = Field(default=0.85, description="mean confidence over the characters of a page")

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            characters = sum(len(line.text) for line in page.lines)
            if characters:
                mean = sum(line.confidence * len(line.text) for line in page.lines) / characters
                if mean < self.below:
                    message = f"mean confidence {mean:.2f}, below {self.below:.2f}"
                    yield Violation(message, page.number)


class ImplausibleCharacters(Rule):
    """A line is mostly symbols, or has words in two alphabets: it may be a picture, or misread."""

    most_symbols: Probability = Field(default=0.5, description="share of characters that may be symbols")
    least_length: int = Field(default=6, ge=1, description="lines with fewer characters are not looked at")

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            for line in page.lines:
                if len(line.text) < self.least_length:
                    continue
                share = symbol_share(line.text)
                if share > self.most_symbols:
                    yield Violation(f"{share:.0%} of this line are symbols", page.number, line_id=line.id)
                elif mixes_scripts(line.text):
                    yield Violation("a word of this line mixes alphabets", page.number, line_id=line.id)


class HiddenControls(Rule):
    """A line has control characters, or characters that turn the direction of text.

    result.json keeps them; text, exports and report show none.
    """

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            for line in page.lines:
                if has_hidden_controls(line.text):
                    yield Violation("control characters in this line", page.number, line_id=line.id)
