"""Pages drawn for the tests: text in the face that Pillow carries, and pages without a line of text."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Page = NDArray[np.uint8]

_TEXT = (
    "the quick harbour light fell upon a paper that nobody had signed before evening and only the "
    "clerk knew which of these pages should be kept for another year while Mary Hopkins of Dover "
    "paid twelve pounds and forty pence by letter"
)


def text_page(
    seed: int = 0,
    *,
    lines: int = 40,
    columns: int = 1,
    size: int = 24,
    wide: int = 1240,
    offsets: Sequence[int] = (0, 0, 0, 0),
) -> Page:
    """A page of words, (1.4 x wide, wide) uint8 grey, dark on white, exactly level.

    The lines of each column begin lower by its offset, in pixels.
    """
    rng = np.random.default_rng(seed)
    image = Image.new("L", (wide, round(1.4 * wide)), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    margin, gap = wide // 12, wide // 24
    column = (wide - 2 * margin - (columns - 1) * gap) // columns
    for index in range(columns):
        left = margin + index * (column + gap)
        for row in range(lines):
            text = ""
            while font.getlength(text) < column * rng.uniform(0.6, 0.8):
                text += str(rng.choice(_TEXT.split())) + " "
            draw.text((left, margin + offsets[index] + round(1.5 * size * row)), text, font=font, fill=20)
    return np.asarray(image)


def turned(page: Page, clockwise: float, background: int = 255) -> Page:
    """A page turned by any angle on a larger one; by Pillow, so that no code under test takes part."""
    image = Image.fromarray(page).rotate(
        -clockwise, Image.Resampling.BICUBIC, expand=True, fillcolor=background
    )
    return np.asarray(image)


def pages_without_text() -> dict[str, Page]:
    """Pages that no line of text says how to turn."""
    rng = np.random.default_rng(1)
    tall, wide = 1400, 1000
    white = np.full((tall, wide), 255, np.uint8)
    noise = rng.normal(190, 30, (tall, wide)).clip(0, 255).astype(np.uint8)
    clouds = cv2.resize(rng.random((14, 10)), (wide, tall), interpolation=cv2.INTER_CUBIC)
    chart, rays, dots = white.copy(), white.copy(), white.copy()
    for index, height in enumerate(rng.integers(100, 900, 8)):
        cv2.rectangle(chart, (100 + 100 * index, 1200 - int(height)), (160 + 100 * index, 1200), 80, -1)
    cv2.line(chart, (80, 1100), (950, 600), 0, 5)
    for degrees in range(0, 360, 9):
        end = 500 + 450 * np.cos(np.radians(degrees)), 700 + 450 * np.sin(np.radians(degrees))
        cv2.line(rays, (500, 700), (int(end[0]), int(end[1])), 0, 3)
    for x, y, radius in zip(*rng.integers(30, 970, (2, 400)), rng.integers(2, 14, 400), strict=True):
        cv2.circle(dots, (int(x), int(y)), int(radius), 0, -1)
    return {
        "white": white,
        "black": np.zeros_like(white),
        "one pixel": np.full((1, 1), 255, np.uint8),
        "one row": np.full((1, 3000), 255, np.uint8),
        "noise": noise,
        "specks": np.where(rng.random((tall, wide)) < 0.02, 0, 255).astype(np.uint8),
        "clouds": np.asarray(255 * clouds.clip(0, 1), np.uint8),
        "chart with a falling line": chart,
        "rays": rays,
        "dots": dots,
        "shadow": np.tile(np.linspace(60, 255, wide).astype(np.uint8), (tall, 1)),
    }
