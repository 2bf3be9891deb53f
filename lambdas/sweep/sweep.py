"""One round through the open tickets."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from time import time
from typing import Final

from hybrid_ocr.storage.settle import End, Settlement, Settler
from hybrid_ocr.storage.tickets import Tickets
from hybrid_ocr.telemetry import describe

PARALLEL: Final = 16
"""Tickets that are settled at once; each waits for S3, DynamoDB and Step Functions in turn."""

log = logging.getLogger(__name__)


@dataclass
class Round:
    """What one round found and did.

    `oldest_seconds` is the age of the oldest open ticket; `complete` says whether the time sufficed for all.
    """

    open_tickets: int = 0
    oldest_seconds: float = 0.0
    ends: Counter[End] = field(default_factory=Counter)
    stale_tokens: int = 0
    unsettled: int = 0
    complete: bool = True


def sweep(tickets: Tickets, settler: Settler, in_time: Callable[[], bool]) -> Round:
    """Settle every open ticket, oldest first, a handful at a time, while there is time."""
    told = Round()
    with ThreadPoolExecutor(PARALLEL) as pool:
        for handful in _handfuls(tickets.open_ids(), 4 * PARALLEL):
            told.open_tickets += len(handful)
            told.oldest_seconds = max(told.oldest_seconds, time() - handful[0][1])
            if not in_time():
                told.complete = False
                break
            for settlement in pool.map(lambda entry: _settle(settler, entry[0]), handful):
                _note(told, settlement)
    return told


def _settle(settler: Settler, inference_id: str) -> Settlement | Exception | None:
    try:
        return settler.settle(inference_id)
    except Exception as error:  # one ticket that cannot be settled must not leave the others waiting
        log.warning(
            "a ticket could not be settled",
            extra={"fields": {"inference_id": inference_id, "error": describe(error)}},
        )
        return error


def _note(told: Round, settlement: Settlement | Exception | None) -> None:
    if isinstance(settlement, Exception):
        told.unsettled += 1
    elif settlement is not None:
        told.ends[settlement.end] += 1
        told.stale_tokens += settlement.stale_tokens


def _handfuls(entries: Iterable[tuple[str, float]], size: int) -> Iterator[list[tuple[str, float]]]:
    rest = iter(entries)
    while handful := list(islice(rest, size)):
        yield handful
