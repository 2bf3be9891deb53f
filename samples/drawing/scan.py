"""From a clean sheet to what a scanner or a camera makes of it, and the matrix between the two."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """How far from clean a scan is.

    Args:
        paper: colour of the paper, red, green, blue.
        blur: standard deviation of the lens, pixels.
        grain: standard deviation of the sensor's noise, grey levels.
        shade: how much darker the worst-lit edge is, as a fraction.
        show_through: how much ink of the page's back is seen, as a fraction.
    """

    paper: tuple[int, int, int] = (246, 243, 234)
    blur: float = 0.6
    grain: float = 2.0
    shade: float = 0.08
    show_through: float = 0.0


def skew(width: int, height: int, degrees: float) -> Matrix:
    """A turn about the page's centre, (3, 3), which a turn of `degrees` clockwise undoes."""
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.vstack([rotation, [0.0, 0.0, 1.0]])


def turned(image: Image, quadrant: int) -> tuple[Image, Matrix]:
    """A page that `quadrant` degrees clockwise make upright, and the (3, 3) matrix to it from upright."""
    height, width = image.shape[:2]
    matrices = {
        0: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        90: [[0, 1, 0], [-1, 0, width], [0, 0, 1]],
        180: [[-1, 0, width], [0, -1, height], [0, 0, 1]],
        270: [[0, -1, height], [1, 0, 0], [0, 0, 1]],
    }
    picture = np.ascontiguousarray(np.rot90(image, quadrant // 90))
    return picture, np.array(matrices[quadrant], np.float64)


def warp(image: Image, matrix: Matrix, size: tuple[int, int], outside: Image | None = None) -> Image:
    """Carry a page through a homography onto a canvas of (width, height), or onto a picture of that size.

    The matrix speaks of pixel corners, as every frame of this project does; OpenCV speaks of pixel centres.
    """
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    centres = np.linalg.inv(half) @ matrix @ half
    if outside is None:
        warped = cv2.warpPerspective(
            image, centres, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.uint8)
    canvas = outside.copy()
    cv2.warpPerspective(
        image, centres, size, canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    return canvas


def on_paper(ink: Image, look: Look, rng: np.random.Generator) -> Image:
    """Ink on white, (H, W, 3) red, green, blue, as ink on tinted, slightly mottled paper."""
    height, width = ink.shape[:2]
    back = cv2.GaussianBlur(ink[:, ::-1], (0, 0), 4.0).astype(np.float32)
    mottle = smooth_noise(rng, width, height, grain=40) * 1.3
    tint = np.array(look.paper, np.float32) + mottle[..., None]
    seen = ink.astype(np.float32) / 255 * (1 - look.show_through * (1 - back / 255))
    return np.asarray(np.clip(seen * tint, 0, 255), np.uint8)


def captured(page: Image, look: Look, rng: np.random.Generator) -> Image:
    """What the sensor sees of a page: uneven light, blur of the lens, noise."""
    height, width = page.shape[:2]
    x, y = np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32)
    light = 1 - look.shade * (0.65 * x[None, :] ** 2 + 0.35 * y[:, None])
    soft = cv2.GaussianBlur(page, (0, 0), look.blur).astype(np.float32) * light[..., None]
    noise = rng.standard_normal((height, width, 1), np.float32) * look.grain
    return np.asarray(np.clip(soft + noise, 0, 255), np.uint8)


def smooth_noise(
    rng: np.random.Generator, width: int, height: int, grain: int, stretch: int = 1
) -> NDArray[np.float32]:
    """Clouds of about unit deviation, (height, width); `grain` pixels to a cloud, `stretch` times as wide."""
    coarse = rng.standard_normal((height // grain + 2, width // (grain * stretch) + 2), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
