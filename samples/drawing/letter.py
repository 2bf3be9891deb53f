"""A letter with a letterhead and a signature, lying on a table, and the camera's view of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from samples.drawing.scan import Image, Matrix, smooth_noise, warp
from samples.drawing.sheet import Sheet, Style

WIDTH, HEIGHT, DPI = 560.0, 700.0, 170.0
_LEFT, _MEASURE = 66.0, 428.0

_BODY: Final = Style("serif", 14.0, 22.0)
_HEAD: Final = Style("serif-bold", 20.0, colour=(52, 40, 92))
_SUBHEAD: Final = Style("serif-italic", 12.0, colour=(52, 40, 92))

_PHOTO: Final = (1400, 1760)
_CORNERS: Final = ((150.0, 176.0), (1188.0, 92.0), (1296.0, 1560.0), (206.0, 1632.0))
"""Where the camera sees the corners of the sheet, clockwise from the top left."""
_SIGNATURE: Final = (
    (0, 8), (7, -14), (12, -22), (15, -4), (17, 8), (13, -3), (5, -3), (21, -5), (27, 7), (24, 8), (29, 7),
    (40, 2), (43, -24), (37, -20), (38, 2), (36, 8), (48, 7), (52, 0), (53, 7), (58, 0), (61, 7), (66, 1),
    (72, 2), (69, 7), (75, 6), (80, 1), (86, 1), (82, 7), (90, 5), (96, 0), (95, 7), (104, 1), (108, 7),
    (118, 3), (132, 1), (60, 15), (20, 18),
)  # fmt: skip


def draw(texts: Path) -> list[Sheet]:
    """The one page of the letter, set from letter.txt in the folder of texts."""
    sheet = Sheet(WIDTH, HEIGHT, DPI)
    with sheet.region("header"):
        sheet.text(WIDTH / 2, 76, "EXECUTIVE MANSION", _HEAD, "m")
        sheet.text(WIDTH / 2, 96, "Washington, District of Columbia", _SUBHEAD, "m")
        sheet.rule([(190, 106), (370, 106)], 0.8, 110)
    with sheet.region("text"):
        sheet.text(_LEFT + _MEASURE, 148, "November 21, 1864.", _BODY, "r")
    with sheet.region("text"):
        sheet.text(_LEFT, 186, "To Mrs. Bixby, Boston, Massachusetts.", _BODY)
        sheet.text(_LEFT, 216, "Dear Madam,", _BODY)
    y = 246.0
    for paragraph in (texts / "letter.txt").read_text().split("\n\n"):
        with sheet.region("text"):
            y = sheet.paragraph(_LEFT, y, _MEASURE, paragraph, _BODY, indent=24.0) + 4
    with sheet.region("text"):
        sheet.text(330, y + 16, "Yours, very sincerely", _BODY)
        sheet.text(330, y + 38, "and respectfully,", _BODY)
    with sheet.region("figure"):
        _sign(sheet, 336, y + 76)
    with sheet.region("text"):
        sheet.text(330, y + 116, "A. Lincoln", _BODY)
    return [sheet]


def photograph(page: Image, rng: np.random.Generator) -> tuple[Image, Matrix]:
    """The sheet on a dark wooden table, seen askew: the photo and the (3, 3) matrix from the sheet to it."""
    height, width = page.shape[:2]
    sheet = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(sheet, np.array(_CORNERS, np.float32)), np.float64)
    table = _table(rng, *_PHOTO)
    shadow = np.zeros(table.shape[:2], np.float32)
    cv2.fillConvexPoly(shadow, (np.array(_CORNERS) + np.array((14, 18))).astype(np.int32), 1.0)
    shade = 1 - 0.6 * cv2.GaussianBlur(shadow, (0, 0), 12)
    table = (table * shade[..., None]).astype(np.uint8)
    return warp(page, matrix, _PHOTO, outside=table), matrix


def _table(rng: np.random.Generator, width: int, height: int) -> Image:
    """Dark wood: long streaks of grain, with seams between the boards."""
    streaks = smooth_noise(rng, width, height, grain=5, stretch=60) * 5
    streaks += smooth_noise(rng, width, height, grain=40, stretch=12) * 7
    wood = np.array((96, 66, 46), np.float32) + streaks[..., None] * np.array((1, 0.8, 0.6), np.float32)
    wood[::440] *= 0.45
    return np.asarray(np.clip(wood, 0, 255), np.uint8)


def _sign(sheet: Sheet, x: float, y: float) -> None:
    """A signature: one stroke of the pen through points, smoothed (Catmull-Rom)."""
    points = np.array(_SIGNATURE, np.float64) * 1.15 + (x, y)
    padded = np.vstack([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 9)[:-1, None]
    stroke = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    sheet.rule([(float(px), float(py)) for px, py in np.vstack(stroke)], 1.3, 36)
