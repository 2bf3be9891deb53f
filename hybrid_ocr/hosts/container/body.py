"""Request bodies under two bounds: one body's size, and all bodies held at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge
from starlette.requests import Request

from hybrid_ocr.contracts.errors import CapacityError, ErrorCode, RequestError


class ByteBudget:
    """Bytes of request bodies held at once, from their first byte until their answer is made."""

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit, self._gauge, self._held = limit, gauge, 0

    @contextmanager
    def reservation(self) -> Iterator[Reservation]:
        """A part of the budget that grows while a body arrives and is given back at the end."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.take(-reservation.size)

    def take(self, size: int) -> None:
        """Hold so many bytes more; raises CapacityError where the budget is spent."""
        if size > 0 and self._held + size > self._limit:
            raise CapacityError(f"{self._held} bytes of requests are held already")
        self._held += size
        self._gauge.set(self._held)


class Reservation:
    """What one request holds of the budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget, self.size = budget, 0

    def cover(self, size: int) -> None:
        """Hold at least `size` bytes in all."""
        if size > self.size:
            self._budget.take(size - self.size)
            self.size = size


async def read_body(request: Request, limit: int, held: Reservation) -> bytes:
    """The whole body, whether it declares its length or comes in chunks.

    Raises:
        RequestError: BODY_TOO_LARGE before more than `limit` bytes were kept.
        CapacityError: OVERLOADED, the budget is spent.
        ClientDisconnect: the client went away.
    """
    declared = request.headers.get("content-length", "0")
    _check(int(declared) if declared.isdigit() else 0, limit)
    held.cover(int(declared) if declared.isdigit() else 0)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        _check(size, limit)
        held.cover(size)
        chunks.append(chunk)
    return b"".join(chunks)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise RequestError(f"the body has more than {limit} bytes", code=ErrorCode.BODY_TOO_LARGE)
