"""The queue of an asynchronous endpoint: who waits, for how long, and which instance has room."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local_aws.sagemaker.async_request import AsyncRequest
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.faults import unavailable
from local_aws.sagemaker.instance import Instance

_MOST_THREADS: Final = 1_000


class Backlog:
    """First come, first served, to the instance with the most room; safe to share between threads.

    An instance works on no more requests at once than the endpoint allows. What makes room or work hands the
    next request over at once; one thread waits for those whose time to wait is over.

    Args:
        endpoint: whose instances serve.
        longest: requests that may wait.
        serve: what is done with a request, in a thread of its own; calls `release` once its answer is here.
        expire: what is done with one that has waited too long.
    """

    def __init__(
        self,
        endpoint: RunningEndpoint,
        *,
        longest: int,
        serve: Callable[[AsyncRequest, Instance], None],
        expire: Callable[[AsyncRequest], None],
    ) -> None:
        self._endpoint, self._longest = endpoint, longest
        self._serve, self._expire = serve, expire
        self._changed = threading.Condition()
        self._waiting: deque[AsyncRequest] = deque()
        self._next_expiry = math.inf
        self._busy: Counter[Instance] = Counter()
        self._closed = False
        self._threads = ThreadPoolExecutor(_MOST_THREADS, f"{endpoint.name}-async")
        self._clock = threading.Thread(target=self._watch, name=f"{endpoint.name}-expiry", daemon=True)
        self._clock.start()

    def put(self, request: AsyncRequest) -> None:
        """Queue a request. Raises ServiceError where the queue is full."""
        with self._changed:
            if len(self._waiting) >= self._longest:
                raise unavailable(f"endpoint {self._endpoint.name} has {self._longest} requests waiting")
            self._waiting.append(request)
            self._expect(request)
        self.hand_over()

    def put_back(self, request: AsyncRequest) -> None:
        """Queue a request again, before all others, since its instance was lost."""
        with self._changed:
            self._waiting.appendleft(request)
            self._expect(request)
        self.hand_over()

    def release(self, instance: Instance) -> None:
        """An instance has answered a request and has room for another."""
        instance.let_go()
        with self._changed:
            self._busy[instance] -= 1
            if not self._busy[instance]:
                del self._busy[instance]
        self.hand_over()

    def hand_over(self) -> None:
        """Give waiting requests to instances that have room; also when their number has changed."""
        with self._changed:
            while self._waiting and not self._closed and (instance := self._with_room()):
                self._busy[instance] += 1
                instance.hold()
                self._threads.submit(self._serve, self._waiting.popleft(), instance)

    def size(self) -> int:
        """Requests that wait or are in process."""
        with self._changed:
            return len(self._waiting) + self._busy.total()

    def oldest_age(self) -> float:
        """Seconds that the first in the queue has waited."""
        with self._changed:
            return max((request.age for request in self._waiting), default=0.0)

    def close(self) -> None:
        """Hand over nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _with_room(self) -> Instance | None:
        least = min(self._endpoint.instances, key=lambda instance: self._busy[instance], default=None)
        return least if least and self._busy[least] < self._endpoint.async_config.concurrency else None

    def _expect(self, request: AsyncRequest) -> None:
        """See to it that the clock wakes when this request's time is over."""
        if request.expires_at < self._next_expiry:
            self._next_expiry = request.expires_at
            self._changed.notify_all()

    def _watch(self) -> None:
        """Take out those whose time is over; sleeps until the next of them is due."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if now < self._next_expiry:
                    self._changed.wait(min(self._next_expiry - now, threading.TIMEOUT_MAX))
                    continue
                for request in [request for request in self._waiting if request.expires_at <= now]:
                    self._waiting.remove(request)
                    self._threads.submit(self._expire, request)
                self._next_expiry = min((request.expires_at for request in self._waiting), default=math.inf)
