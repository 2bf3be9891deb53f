"""An endpoint that runs: which instances are its own, and what it is called in logs and errors."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from local_aws.account import ACCOUNT
from local_aws.sagemaker.description import EndpointDescription
from local_aws.sagemaker.group import InstanceGroup
from local_aws.sagemaker.instance import ContainerAnswer, Instance
from local_aws.sagemaker.metrics import VariantMetrics

if TYPE_CHECKING:
    from local_aws.sagemaker.async_endpoint import AsyncEndpoint

LONGEST_MESSAGE: Final = 2_048
"""Characters of an error message; a longer one is cut."""
_REMEMBERED: Final = 1_000


@dataclass(eq=False)
class RunningEndpoint:
    """An endpoint and the group that serves it.

    Attributes:
        wanted: instances it should have; the group may hold more where another endpoint shares it.
        coming: the group that will serve it, and how many instances of it must be ready before.
        in_service: it takes calls.
        queue: of an asynchronous endpoint, once it is in service.
        counts: since when, on the monotonic clock, so many instances have taken work.
    """

    description: EndpointDescription
    group: InstanceGroup
    metrics: VariantMetrics
    wanted: int
    coming: tuple[InstanceGroup, int] | None = None
    in_service: bool = False
    queue: AsyncEndpoint | None = None
    counts: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def name(self) -> str:
        """Of the endpoint."""
        return self.description.name

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Those of its instances that take work."""
        return self.group.ready[: self.wanted]

    def count(self) -> int:
        """Look how many they are, and remember since when."""
        there = len(self.instances)
        if not self.counts or self.counts[-1][1] != there:
            self.counts.append((time.monotonic(), there))
        return there

    @property
    def in_flight(self) -> int:
        """Requests that its containers work on, of whichever endpoint that shares them."""
        return sum(instance.in_flight for instance in self.instances)

    @property
    def log_group(self) -> str:
        """The log group of its containers."""
        return f"/aws/sagemaker/Endpoints/{self.name}"

    def model_error(self, answer: ContainerAnswer) -> str:
        """An error of the container in SageMaker's words, cut to what a message may have."""
        kind = "server" if answer.status >= 500 else "client"
        where = f"See {self.log_group} in account {ACCOUNT} for more information."
        head = f'Received {kind} error ({answer.status}) from model with message "'
        room = LONGEST_MESSAGE - len(head) - len(where) - 3
        return f'{head}{original_message(answer)[:room]}". {where}'


def original_message(answer: ContainerAnswer) -> str:
    """What the container answered, as far as a message has room for it."""
    return answer.body[: 4 * LONGEST_MESSAGE].decode("utf-8", "replace")[:LONGEST_MESSAGE]
