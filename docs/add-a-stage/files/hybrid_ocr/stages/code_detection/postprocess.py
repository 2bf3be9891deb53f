"""From corners and texts to codes; numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.geometry import Quad
from hybrid_ocr.contracts.messages import Code


def as_codes(quads: NDArray[np.float32], texts: Sequence[str]) -> tuple[Code, ...]:
    """Codes named c1, c2, ... from top to bottom, then from left to right.

    Args:
        quads: (n, 4, 2) corners in pixels of the page, clockwise from the top left one of each code.
        texts: what each says.
    """
    first = quads.min(axis=1)
    order = np.lexsort((first[:, 0], first[:, 1]))
    return tuple(
        Code(id=f"c{number}", polygon=_polygon(quads[place]), text=texts[place])
        for number, place in enumerate(order, start=1)
    )


def _polygon(quad: NDArray[np.float32]) -> Quad:
    first, second, third, fourth = ((float(x), float(y)) for x, y in quad.astype(np.float64).round(2))
    return first, second, third, fourth
