"""How far the lines of a page lean: the direction in which its ink, projected, has the sharpest profile.

The page is not sheared for each angle. It is cut into upright strips, the profile of each strip is
Fourier-transformed once, and shearing by an angle turns the phases of the strips. By Parseval's theorem the
energy of the profile's derivative is a weighted sum over frequencies. That holds between pixels as well, so
the peak over the angles is smooth and a parabola through three samples finds its top. (Projection profiles as
a measure of skew: W. Postl, 1986.)

One profile of a whole page has a fault: where the baselines of two columns are offset, the tilt that
interlocks them is sharper than the true one, and up to two degrees off. So text lines are asked as well, each
with a profile of its own, of which only the energies are added. On short or few lines that is less precise,
and how much less, their disagreement tells: the page's own profile stands unless its lines contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.stages.rotation.ink import CANVAS, Ink
from hybrid_ocr.stages.rotation.lines import Lines, stack_lines

_STRIP: Final = 16
"""Pixels. Width of a strip; within it, a line that leans by 15 degrees moves 4 px, which the search bears."""

_LINE_STRIP: Final = 32
"""Pixels. The same for single lines, which are looked at when they are nearly level."""


@dataclass(frozen=True)
class Sweep:
    """Angles that are tried, and the finest detail that counts.

    Args:
        reach: degrees on either side of the middle.
        step: degrees between two angles.
        finest: cycles a pixel; strokes of letters are at 0.1 to 0.3, line spacing at 0.03 to 0.1.
        middle: degrees.
    """

    reach: float
    step: float
    finest: float
    middle: float = 0.0

    @property
    def angles(self) -> NDArray[np.float64]:
        """Degrees, ascending."""
        count = round(self.reach / self.step)
        return self.middle + np.arange(-count, count + 1, dtype=np.float64) * self.step


SEARCH: Final = Sweep(reach=17.0, step=0.25, finest=0.12)
REFINE: Final = Sweep(reach=0.5, step=0.05, finest=0.3)
LINES: Final = Sweep(reach=2.5, step=0.125, finest=0.15)
REFINE_LINES: Final = Sweep(reach=0.3, step=0.05, finest=0.3)

_LINE_HEIGHT: Final = 48
"""Pixels. Pages of taller lines have too few of them to ask."""

_STRETCH: Final = 4
"""Strips of a line. Where words of two columns touch, only few stretches of this many are of both."""

_FEWEST_LINES: Final = 10
"""Fewer may agree by chance."""

_CONTRADICTION: Final = 4.0
"""Standard errors of the lines' estimate."""


@dataclass(frozen=True)
class SkewEstimate:
    """How far lines lean.

    Args:
        degrees: positive where lines run down to the right: the page was turned clockwise.
        confidence: energy of the profile at its peak, as a multiple of the median over all angles.
        energy: of the profile at its peak, comparable between directions of the same page only.
    """

    degrees: float
    confidence: float
    energy: float


def search_skew(canvas: NDArray[np.uint8], lines: Literal["across", "down"] = "across") -> SkewEstimate:
    """Look for lines over all angles, to about a tenth of a degree.

    Args:
        canvas: (CANVAS, CANVAS) uint8, light ink on black.
        lines: whether lines run across the canvas, or down it (then the angle is off the vertical).
    """
    energies = _page_energies(canvas, SEARCH, lines)
    peak = float(energies.max())
    return SkewEstimate(_top(energies, SEARCH), peak / max(float(np.median(energies)), 1e-6), peak)


def refine_skew(levelled: Ink, lines: Lines) -> float:
    """Degrees that lines still lean on a page that was turned by what `search_skew` found."""
    profile = _top(_page_energies(levelled.canvas, REFINE), REFINE)
    stack = stack_lines(levelled, lines, _LINE_HEIGHT)
    if len(stack) < _FEWEST_LINES:
        return profile
    strips = _strips(stack.reshape(-1, CANVAS), _LINE_STRIP)
    whole = _spectra(strips.reshape(-1, len(stack), _LINE_HEIGHT).swapaxes(0, 1))
    stretches = whole.reshape(-1, _STRETCH, whole.shape[2])
    stretches = stretches[stretches[:, :, 0].any(axis=1)]
    rough = int(_energies(stretches, _LINE_STRIP, LINES).sum(axis=1).argmax())
    sweep = replace(REFINE_LINES, middle=float(LINES.angles[rough]))
    lean, error = _agreed(_energies(whole, _LINE_STRIP, sweep), sweep)
    in_parts, error_in_parts = _agreed(_energies(stretches, _LINE_STRIP, sweep), sweep)
    # Stretches are less precise by a half or more, unless many lines go on in the next column.
    if error > 2 * error_in_parts:
        lean, error = in_parts, error_in_parts
    return lean if abs(profile - lean) > _CONTRADICTION * error else profile


def _strips(canvas: NDArray[np.uint8], wide: int) -> NDArray[np.float32]:
    """The means over upright strips of a canvas, (strips, rows)."""
    size = (canvas.shape[1] // wide, canvas.shape[0])
    return np.ascontiguousarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).T, np.float32)


def _page_energies(
    canvas: NDArray[np.uint8], sweep: Sweep, lines: Literal["across", "down"] = "across"
) -> NDArray[np.float32]:
    """Energies (angles,) of the profile of a whole page."""
    upright = canvas if lines == "across" else np.asarray(cv2.transpose(canvas), np.uint8)
    energies = _energies(_spectra(_strips(upright, _STRIP)[np.newaxis]), _STRIP, sweep)[:, 0]
    # What leans clockwise runs down to the right if it is level, but down to the left if it is plumb.
    return energies if lines == "across" else energies[::-1]


def _spectra(profiles: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Fourier transforms (N, strips, pixels / 2 + 1) of profiles (N, strips, pixels); pixels are even."""
    return np.fft.rfft(profiles, axis=2).astype(np.complex64)


def _energies(spectra: NDArray[np.complex64], wide: int, sweep: Sweep) -> NDArray[np.float32]:
    """Energy of the derivative of profiles, each sheared by each angle of a sweep.

    Args:
        spectra: of `_spectra`, of profiles in adjacent upright strips.
        wide: pixels, width of a strip.
        sweep: the angles.

    Returns:
        (angles, N) float32.
    """
    _, strips, bins = spectra.shape
    frequencies, shear, weights = _tables(sweep, wide, strips, 2 * (bins - 1))
    counted = np.ascontiguousarray(spectra[:, :, frequencies].transpose(2, 0, 1))
    # Not matmul: BLAS spreads even so small a product over all cores, where its threads spin (up to 900 ms a
    # page on a busy machine). vecdot takes the conjugate of its first argument: the shear is undone.
    profile = np.vecdot(shear[:, :, np.newaxis], counted[:, np.newaxis])
    return np.asarray(np.einsum("f,fan->an", weights, profile.real**2 + profile.imag**2), np.float32)


@lru_cache(maxsize=128)
def _tables(
    sweep: Sweep, wide: int, strips: int, pixels: int
) -> tuple[slice, NDArray[np.complex64], NDArray[np.float32]]:
    """Which frequencies count, the phases of each shear (frequencies, angles, strips), and the weights."""
    count = int(sweep.finest * pixels)
    cycles = np.arange(1, count + 1) / pixels
    middles = (np.arange(strips) + 0.5 - strips / 2) * wide
    shifts = np.outer(np.tan(np.radians(sweep.angles)), middles)
    shear = np.exp(-2j * np.pi * cycles[:, np.newaxis, np.newaxis] * shifts).astype(np.complex64)
    # The square of the frequency differentiates; the Gaussian fades out what is finer than strokes.
    weights = cycles * np.exp(-((cycles / (0.6 * sweep.finest)) ** 2))
    return slice(1, count + 1), shear, (weights**2).astype(np.float32)


def _agreed(energies: NDArray[np.float32], sweep: Sweep) -> tuple[float, float]:
    """The top of the sum of energies (angles, N), and its standard error, both in degrees.

    The error is the sandwich estimate of an M-estimator: by how much the slopes of the N energies at the
    common top differ, over the curvature of their sum. It is infinite where the sum has no top.
    """
    total = energies.sum(axis=1)
    top = _top(total, sweep)
    peak = int(np.clip(np.argmax(total), 1, len(total) - 2))
    before, at, after = energies[peak - 1 : peak + 2].astype(np.float64)
    curvatures = before - 2 * at + after
    slopes = (after - before) / 2 + curvatures * (top - sweep.angles[peak]) / sweep.step
    curvature = -float(curvatures.sum())
    return top, sweep.step * float(np.linalg.norm(slopes)) / curvature if curvature > 0 else inf


def _top(energies: NDArray[np.float32], sweep: Sweep) -> float:
    """Degrees at which a parabola through the largest energy and its neighbours has its top."""
    peak = int(np.clip(np.argmax(energies), 1, len(energies) - 2))
    before, at, after = (float(value) for value in energies[peak - 1 : peak + 2])
    curvature = before - 2 * at + after
    between = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(sweep.angles[peak] + sweep.step * np.clip(between, -1, 1))
