"""The queue of an asynchronous endpoint: who waits, for how long, and which instance has room."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local_aws.sagemaker.async_request import AsyncRequest
from local_aws.sagemaker.faults import unavailable
from local_aws.sagemaker.instance import Instance

_MOST_THREADS: Final = 1_000
_LOOK_SECONDS: Final = 0.5
"""Between looks for requests that have waited too long; AWS promises no moment."""


class Backlog:
    """First come, first served, to the instance with the most room; safe to share between threads.

    What makes room or work hands the next request over at once.

    Args:
        name: of the endpoint.
        capacity: its instances, and how many requests each may work on at once.
        longest: requests that may wait.
        serve: what is done with a request, in a thread of its own; calls `release` once its answer is here.
        expire: what is done with one that has waited too long.
    """

    def __init__(
        self,
        name: str,
        capacity: Callable[[], tuple[Sequence[Instance], int]],
        *,
        longest: int,
        serve: Callable[[AsyncRequest, Instance], None],
        expire: Callable[[AsyncRequest], None],
    ) -> None:
        self._name, self._capacity, self._longest = name, capacity, longest
        self._serve, self._expire = serve, expire
        self._changed = threading.Condition()
        self._waiting: deque[AsyncRequest] = deque()
        self._busy: Counter[Instance] = Counter()
        self._closed = False
        self._threads = ThreadPoolExecutor(_MOST_THREADS, f"{name}-async")
        threading.Thread(target=self._watch, name=f"{name}-expiry", daemon=True).start()

    def put(self, request: AsyncRequest) -> None:
        """Queue a request. Raises ServiceError where the queue is full."""
        with self._changed:
            if len(self._waiting) >= self._longest:
                raise unavailable(f"endpoint {self._name} has {self._longest} requests waiting")
            self._waiting.append(request)
        self.hand_over()

    def put_back(self, request: AsyncRequest) -> None:
        """Queue a request again, before all others, since its instance was lost."""
        with self._changed:
            self._waiting.appendleft(request)
        self.hand_over()

    def release(self, instance: Instance) -> None:
        """An instance has answered a request and has room for another."""
        instance.hold(-1)
        with self._changed:
            self._busy[instance] -= 1
            self._busy += Counter()  # forgets those that do nothing: an instance may be gone
        self.hand_over()

    def hand_over(self) -> None:
        """Give waiting requests to instances that have room; also when their number has changed."""
        with self._changed:
            instances, most = self._capacity()
            while self._waiting and instances and not self._closed:
                instance = min(instances, key=lambda instance: self._busy[instance])
                if self._busy[instance] >= most:
                    return
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

    def _watch(self) -> None:
        """Take out those whose time is over."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._closed, _LOOK_SECONDS):
                for request in [request for request in self._waiting if request.age > request.ttl_seconds]:
                    self._waiting.remove(request)
                    self._threads.submit(self._expire, request)
