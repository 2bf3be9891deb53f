"""How many pages of a document make a batch: the flow cuts by it, the scaling simulators reckon with it."""

from __future__ import annotations

from typing import Final

__all__ = ["BATCHES", "batch_size"]

BATCHES: Final = 8
"""A small document is cut into about so many: while one batch is recognised the next is detected, and the
one after that is rotated. With few batches an endpoint waits for the one before it."""


def batch_size(pages: int, most: int) -> int:
    """Pages in each batch of a document but the last, which may be smaller.

    Args:
        pages: of the document.
        most: pages that a batch may have.
    """
    return min(most, max(1, -(-pages // BATCHES)))
