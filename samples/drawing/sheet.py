"""A sheet of paper that remembers what was written on it, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

from hybrid_ocr.contracts.messages import Label
from samples.drawing.fonts import Typeface, font

Bounds = tuple[float, float, float, float]
"""Left, top, right, bottom."""

INK = (28, 27, 30)


@dataclass(frozen=True)
class Written:
    """A line of text and the box around it, in pixels of the sheet; `region` counts the sheet's regions."""

    text: str
    box: Bounds
    region: int


@dataclass(frozen=True)
class Style:
    """How text is set: typeface, size and distance between baselines in points, colour."""

    typeface: Typeface
    size: float
    leading: float = 0.0
    colour: tuple[int, int, int] = INK


class Sheet:
    """A white sheet, measured in points (1/72 inch) from its top left corner.

    Everything is drawn inside a region, and in reading order: that is how the truth comes to be known.

    Args:
        width, height: points.
        dpi: pixels to the inch of `image`, an RGB picture.
    """

    def __init__(self, width: float, height: float, dpi: float) -> None:
        self._scale = dpi / 72
        self.dpi = dpi
        self.image = Image.new("RGB", (round(width * self._scale), round(height * self._scale)), "white")
        self.lines: list[Written] = []
        self.regions: list[tuple[Label, Bounds]] = []
        self._draw = ImageDraw.Draw(self.image)
        self._inside: list[Bounds] = []

    @contextmanager
    def region(self, label: Label) -> Iterator[None]:
        """What is drawn meanwhile belongs to one region, as large as what it holds."""
        yield
        left, top, right, bottom = zip(*self._inside, strict=True)
        self.regions.append((label, (min(left), min(top), max(right), max(bottom))))
        self._inside.clear()

    def width_of(self, text: str, style: Style) -> float:
        """Length of a text in points."""
        return font(style.typeface, style.size * self._scale).getlength(text) / self._scale

    def text(
        self, x: float, baseline: float, text: str, style: Style, align: Literal["l", "m", "r"] = "l"
    ) -> None:
        """Write a line that starts, is centred or ends at `x`."""
        start = x - self.width_of(text, style) * {"l": 0.0, "m": 0.5, "r": 1.0}[align]
        self._write(((start, text),), baseline, style)

    def paragraph(
        self, x: float, baseline: float, width: float, text: str, style: Style, *, indent: float = 0.0
    ) -> float:
        """Write justified lines and return the baseline after the last."""
        for line in self.wrapped(text, width, style, indent=indent):
            self.justified(x + indent, baseline, width - indent, line, style)
            baseline, indent = baseline + style.leading, 0.0
        return baseline

    def wrapped(
        self, text: str, width: float, style: Style, *, indent: float = 0.0
    ) -> list[tuple[str, bool]]:
        """Break a text into lines no longer than `width`; each says whether it is the paragraph's last."""
        lines, current, room = [], "", width - indent
        for word in text.split():
            longer = f"{current} {word}".lstrip()
            if current and self.width_of(longer, style) > room:
                lines.append(current)
                current, room = word, width
            else:
                current = longer
        return [*((line, False) for line in lines), (current, True)]

    def justified(
        self, x: float, baseline: float, width: float, line: tuple[str, bool], style: Style
    ) -> None:
        """Write one line of a paragraph, its words spread to fill `width` unless it is the last."""
        text, last = line
        words = text.split()
        gap = self.width_of(" ", style)
        if not last and len(words) > 1:
            gap = (width - sum(self.width_of(word, style) for word in words)) / (len(words) - 1)
        placed = []
        for word in words:
            placed.append((x, word))
            x += self.width_of(word, style) + gap
        self._write(placed, baseline, style)

    def rule(self, points: Sequence[tuple[float, float]], thickness: float = 0.6, shade: int = 60) -> None:
        """Draw a line through points; thickness in points."""
        pixels = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(
            pixels, fill=(shade,) * 3, width=max(1, round(thickness * self._scale)), joint="curve"
        )
        self.cover((*map(min, zip(*points, strict=True)), *map(max, zip(*points, strict=True))))

    def fill(self, box: Bounds, colour: tuple[int, int, int]) -> None:
        """Fill a box, in points."""
        self._draw.rectangle([value * self._scale for value in box], fill=colour)
        self.cover(box)

    def cover(self, box: Bounds) -> None:
        """Count a box, in points, as part of the region."""
        left, top, right, bottom = (value * self._scale for value in box)
        self._inside.append((left, top, right, bottom))

    def _write(self, words: Sequence[tuple[float, str]], baseline: float, style: Style) -> None:
        """Write words of one line, each at its x in points.

        The line's box reaches from the ascender of "d" to the descender of "p" whichever letters it has, and
        from the first ink to the last: the way people draw boxes around lines.
        """
        face = font(style.typeface, style.size * self._scale)
        y = baseline * self._scale
        for x, word in words:
            self._draw.text((x * self._scale, y), word, fill=style.colour, font=face, anchor="ls")
        (first, word), (last, final) = words[0], words[-1]
        left = first * self._scale + face.getbbox(word, anchor="ls")[0]
        right = last * self._scale + face.getbbox(final, anchor="ls")[2]
        _, top, _, bottom = face.getbbox("dp", anchor="ls")
        box = (left, y + top, right, y + bottom)
        self.lines.append(Written(" ".join(word for _, word in words), box, len(self.regions)))
        self._inside.append(box)
