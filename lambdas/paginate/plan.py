"""Splitting a document into batches of pages: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from hybrid_ocr.contracts.batches import batch_size
from hybrid_ocr.contracts.jobs import MOST_AT_ONCE

LOST_PAGES_PER_CONCURRENT_RETRY: Final = 25
"""How many lost pages there must be for one more of them to be tried at the same time."""


def retry_concurrency(lost: int) -> int:
    """How many lost pages to try at once.

    One that killed its container will do so again, and whatever is with it in there dies too; so a few go one
    after the other. Where very many were lost it was no page that did it.
    """
    return max(1, min(MOST_AT_ONCE, lost // LOST_PAGES_PER_CONCURRENT_RETRY))


def split_pages(pages: Iterable[int], most: int) -> tuple[str, ...]:
    """Page numbers as batches of one size (the last may be smaller), in ascending order.

    Args:
        pages: distinct numbers, in any order.
        most: pages in a batch.

    Returns:
        Batches as page ranges, such as `1-5,8`.
    """
    ordered = sorted(pages)
    size = batch_size(len(ordered), most)
    return tuple(page_ranges(ordered[at : at + size]) for at in range(0, len(ordered), size))


def page_ranges(pages: Sequence[int]) -> str:
    """Ascending page numbers as the shortest text that names them, such as `1-5,8`."""
    runs = ([page for _, page in run] for _, run in groupby(enumerate(pages), lambda pair: pair[1] - pair[0]))
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
