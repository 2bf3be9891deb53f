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
    """Settle every open ticket, oldest first, a few at a time, while there is time."""
    result = Round()
    with ThreadPoolExecutor(PARALLEL) as pool:
        for chunk in _chunks(tickets.open_ids(), 4 * PARALLEL):
            result.open_tickets += len(chunk)
            result.oldest_seconds = max(result.oldest_seconds, time() - chunk[0][1])
            if not in_time():
                result.complete = False
                break
            for settlement in pool.map(lambda entry: _settle(settler, entry[0]), chunk):
                _note(result, settlement)
    return result


def _settle(settler: Settler, inference_id: str) -> Settlement | Exception | None:
    try:
        return settler.settle(inference_id)
    except Exception as error:  # one ticket that cannot be settled must not leave the others waiting
        log.warning(
            "a ticket could not be settled",
            extra={"fields": {"inference_id": inference_id, "error": describe(error)}},
        )
        return error


def _note(round_: Round, settlement: Settlement | Exception | None) -> None:
    if isinstance(settlement, Exception):
        round_.unsettled += 1
    elif settlement is not None:
        round_.ends[settlement.end] += 1
        round_.stale_tokens += settlement.stale_tokens


def _chunks(entries: Iterable[tuple[str, float]], size: int) -> Iterator[list[tuple[str, float]]]:
    rest = iter(entries)
    while chunk := list(islice(rest, size)):
        yield chunk
