"""How far the lines of a page lean: the direction in which its ink, projected, has the sharpest profile.

The page is not sheared for each angle. It is cut into upright strips, the profile of each strip is
Fourier-transformed once, and shearing by an angle turns the phases of the strips. By Parseval's theorem the
energy of the profile's derivative is a weighted sum over frequencies. That holds between pixels as well, so
the peak over the angles is smooth and a parabola through three samples finds its top. (Projection profiles as
a measure of skew: W. Postl, 1986.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lambdas.rotation.ink import CANVAS

_STRIP: Final = 16
"""Pixels. Width of a strip; within it, a line that leans by 15 degrees moves 4 px, which the search bears."""

_STRIPS: Final = CANVAS // _STRIP


@dataclass(frozen=True)
class Sweep:
    """Angles that are tried, and the finest detail that counts.

    Args:
        reach: degrees on either side of zero.
        step: degrees between two angles.
        finest: cycles a pixel; strokes of letters are at 0.1 to 0.3, line spacing at 0.03 to 0.1.
    """

    reach: float
    step: float
    finest: float

    @property
    def angles(self) -> NDArray[np.float64]:
        """Degrees, ascending, zero in the middle."""
        count = round(self.reach / self.step)
        return np.arange(-count, count + 1, dtype=np.float64) * self.step


SEARCH: Final = Sweep(reach=17.0, step=0.25, finest=0.12)
REFINE: Final = Sweep(reach=0.5, step=0.05, finest=0.3)


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
    energies = _energies(canvas, SEARCH, lines)
    peak = float(energies.max())
    return SkewEstimate(_top(energies, SEARCH), peak / max(float(np.median(energies)), 1e-6), peak)


def refine_skew(levelled: NDArray[np.uint8]) -> float:
    """Degrees that lines across a canvas still lean after it was turned by what `search_skew` found."""
    return _top(_energies(levelled, REFINE, "across"), REFINE)


def _energies(
    canvas: NDArray[np.uint8], sweep: Sweep, lines: Literal["across", "down"]
) -> NDArray[np.float32]:
    """Energy of the derivative of the profile for each angle of the sweep."""
    frequencies, shear, weights = _tables(sweep)
    size = (_STRIPS, CANVAS) if lines == "across" else (CANVAS, _STRIPS)
    strips = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if lines == "across":
        strips = strips.T
    spectrum = np.fft.rfft(strips, axis=1)[:, frequencies].astype(np.complex64)
    # Not matmul: BLAS spreads even so small a product over all cores, where its threads spin (up to 900 ms a
    # page on a busy machine). vecdot takes the conjugate of its first argument: the shear is undone.
    profile = np.vecdot(shear, spectrum.T[:, np.newaxis, :])
    energies = np.asarray(np.einsum("f,fa->a", weights, profile.real**2 + profile.imag**2), np.float32)
    # What leans clockwise runs down to the right if it is level, but down to the left if it is plumb.
    return energies if lines == "across" else energies[::-1]


@cache
def _tables(sweep: Sweep) -> tuple[slice, NDArray[np.complex64], NDArray[np.float32]]:
    """Which frequencies count, the phases of each shear (frequencies, angles, strips), and the weights."""
    count = int(sweep.finest * CANVAS)
    cycles = np.arange(1, count + 1) / CANVAS
    middles = (np.arange(_STRIPS) + 0.5) * _STRIP - CANVAS / 2
    shifts = np.outer(np.tan(np.radians(sweep.angles)), middles)
    shear = np.exp(-2j * np.pi * cycles[:, np.newaxis, np.newaxis] * shifts).astype(np.complex64)
    # The square of the frequency differentiates; the Gaussian fades out what is finer than strokes.
    weights = cycles * np.exp(-((cycles / (0.6 * sweep.finest)) ** 2))
    return slice(1, count + 1), shear, (weights**2).astype(np.float32)


def _top(energies: NDArray[np.float32], sweep: Sweep) -> float:
    """Degrees at which a parabola through the largest energy and its neighbours has its top."""
    peak = int(np.clip(np.argmax(energies), 1, len(energies) - 2))
    before, at, after = (float(value) for value in energies[peak - 1 : peak + 2])
    curvature = before - 2 * at + after
    between = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(sweep.angles[peak] + sweep.step * np.clip(between, -1, 1))
