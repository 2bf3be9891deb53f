"""A synchronous client of one model container: a message in, a message out, errors of the project's tree."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Self, TypeVar

import httpx
from pydantic import ValidationError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.errors import (
    CapacityError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
)

AnswerT = TypeVar("AnswerT", bound=Message)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds


class EndpointClient:
    """Calls one container; safe to share between threads, connections are kept.

    Args:
        url: where the container listens, `http://127.0.0.1:8080`.
        deadline_seconds: for a call with all its attempts.
        check: called after a broken connection; raises where the container is known to be dead.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline_seconds: float = 120.0,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._seconds, self._check = deadline_seconds, check
        self._http = httpx.Client(base_url=url, trust_env=False, headers={"Accept": MSGPACK})

    def invoke(self, message: Message, answer: type[AnswerT]) -> AnswerT:
        """Send a message and return its answer, a message of the given kind.

        A container that is full or starting (503) is asked again, and so is one whose connection broke: a
        call changes nothing there. Pauses grow and are drawn at random, so that callers do not come back
        together.

        Raises:
            OcrError: what the container answered, as the class and code it has in the project's error tree;
                CapacityError or EngineError (STAGE_TIMEOUT) when the deadline passed.
        """
        body = encode(message)
        deadline = time.monotonic() + self._seconds
        pause = _FIRST_PAUSE
        while True:
            try:
                return decode(answer, self._attempt(body, deadline - time.monotonic()))
            except CapacityError as error:
                last: OcrError = error
            except httpx.TimeoutException:
                raise EngineError(
                    f"no answer within {self._seconds:g} seconds", code=ErrorCode.STAGE_TIMEOUT
                ) from None
            except httpx.TransportError as error:
                self._check()
                last = EngineError(f"the connection to {self._http.base_url} broke: {type(error).__name__}")
            wait = random.uniform(pause / 2, pause)  # noqa: S311 - jitter, not a secret
            if time.monotonic() + wait >= deadline:
                raise last
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _attempt(self, body: bytes, seconds: float) -> bytes:
        response = self._http.post(
            "/invocations",
            content=body,
            headers={"Content-Type": MSGPACK},
            timeout=max(seconds, 0.001),
        )
        if response.status_code == 200:
            return response.content
        raise _error_of(response)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()


class _ErrorBody(Message):
    error: ErrorInfo


def _error_of(response: httpx.Response) -> OcrError:
    try:
        info = _ErrorBody.model_validate_json(response.content).error
    except ValidationError:
        return OcrError(f"the container answered {response.status_code} without saying why")
    return info.as_error()
