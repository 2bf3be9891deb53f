"""What the simulators take; all times in seconds from the start of the trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from autoscaling.policies import Policy
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.stages import ENDPOINTS, LAST, chain
from hybrid_ocr.contracts.stages import STAGES as TABLE

__all__ = [
    "STAGES",
    "WAYS",
    "Arrivals",
    "Delays",
    "EndpointModel",
    "Failures",
    "Pipeline",
    "ServiceTime",
    "Volumes",
    "before",
]

STAGES: Final[tuple[EndpointStage, ...]] = ENDPOINTS
"""In an order in which none comes before the one that it comes after."""

WAYS: Final[tuple[tuple[EndpointStage, ...], ...]] = tuple(
    tuple(stage for stage in ENDPOINTS if stage in chain(last)) for last in LAST
)
"""The endpoints that a batch passes one after another, for each way; a document waits for all of them."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def before(stage: EndpointStage) -> EndpointStage | None:
    """The endpoint whose answer it is sent; None where that comes from a function."""
    after = TABLE[stage].after
    return next((each for each in ENDPOINTS if each == after), None)


@dataclass(frozen=True)
class ServiceTime:
    """How long one invocation takes on one instance type, by the pages in it.

    `seconds[i]` is the mean for `pages[i]` pages, as measured while the instance works on as many
    invocations at once as it may; between two measured sizes it is interpolated, beyond the last the last
    page's cost goes on. Around the mean it is gamma distributed with a coefficient of variation
    `variation`: 0 always the mean, 1 exponential.
    """

    pages: tuple[int, ...]
    seconds: tuple[float, ...]
    variation: float = 0.0

    def __post_init__(self) -> None:
        _require(len(self.pages) == len(self.seconds) > 0, "service: one mean for each number of pages")
        _require(list(self.pages) == sorted(set(self.pages)), "service.pages: must rise")
        _require(self.pages[0] >= 1 and min(self.seconds) > 0, "service: pages and seconds are above 0")
        _require(self.variation >= 0, "service.variation: is not below 0")

    @classmethod
    def constant(cls, seconds: float) -> ServiceTime:
        """The same time for each invocation, whatever is in it."""
        return cls((1, 2), (seconds, seconds))

    @classmethod
    def exponential(cls, seconds: float) -> ServiceTime:
        """Exponential times, whatever is in the invocation."""
        return cls((1, 2), (seconds, seconds), variation=1.0)

    def mean(self, pages: Counts | Floats) -> Floats:
        """Mean seconds of invocations with these numbers of pages."""
        size = np.asarray(pages, dtype=np.float64)
        if len(self.pages) == 1:
            return np.asarray(self.seconds[0] * size / self.pages[0])
        inside = np.interp(size, self.pages, self.seconds)
        slope = (self.seconds[-1] - self.seconds[-2]) / (self.pages[-1] - self.pages[-2])
        return np.asarray(inside + np.maximum(size - self.pages[-1], 0) * max(slope, 0.0))

    def draw(self, pages: Counts | Floats, random: np.random.Generator) -> Floats:
        """Seconds of invocations with these numbers of pages."""
        mean = self.mean(pages)
        if self.variation == 0:
            return mean
        shape = self.variation**-2
        return np.asarray(mean * random.gamma(shape, 1 / shape, len(mean)))


@dataclass(frozen=True)
class Delays:
    """What passes between a reason to scale and an instance that works.

    Defaults: what users of asynchronous ml.g5.xlarge endpoints report, 2-3 min until the instance is there
    and 3-5 min more until the model is loaded. How late metrics and alarms are is not documented.
    """

    provisioning_seconds: float = 150.0
    download_seconds: float = 60.0
    warm_up_seconds: float = 120.0
    metric_seconds: float = 0.0
    alarm_seconds: float = 0.0

    def __post_init__(self) -> None:
        _require(min(vars(self).values()) >= 0, "delays: are not below 0")

    @property
    def cold_start_seconds(self) -> float:
        """From asking for an instance to its first invocation."""
        return self.provisioning_seconds + self.download_seconds + self.warm_up_seconds

    def adding_up_to(self, cold_start_seconds: float) -> Delays:
        """The same parts of another cold start."""
        share = cold_start_seconds / self.cold_start_seconds
        return replace(
            self,
            provisioning_seconds=self.provisioning_seconds * share,
            download_seconds=self.download_seconds * share,
            warm_up_seconds=self.warm_up_seconds * share,
        )

    @property
    def decision_seconds(self) -> float:
        """From the end of a period to what is done about it."""
        return self.metric_seconds + self.alarm_seconds


@dataclass(frozen=True)
class Failures:
    """What goes wrong with instances.

    An instance that fails gives its work in flight back to the head of the queue and is replaced. One for
    which there is no capacity is asked for again until it comes.
    """

    per_instance_hour: float = 0.0
    no_capacity_probability: float = 0.0
    no_capacity_retry_seconds: float = 300.0

    def __post_init__(self) -> None:
        _require(self.per_instance_hour >= 0, "failures.per_instance_hour: is not below 0")
        _require(0 <= self.no_capacity_probability < 1, "failures.no_capacity_probability: is in [0, 1)")
        _require(self.no_capacity_retry_seconds > 0, "failures.no_capacity_retry_seconds: is above 0")


@dataclass(frozen=True)
class EndpointModel:
    """One endpoint: how fast an instance works, how it scales, and what that takes."""

    policy: Policy
    service: ServiceTime
    concurrency: int = 4
    """Invocations that one instance works on at once (MaxConcurrentInvocationsPerInstance)."""
    instance_type: str = "ml.g5.xlarge"
    mode: EndpointMode = "async"
    gauge_seconds: float = 10.0
    """How often the backlog is read; a data point of its metric is the average of a period's readings. Not
    documented: 60 is one reading at the end of each minute."""
    delays: Delays = field(default_factory=Delays)
    starts: tuple[float, ...] = ()
    """Seconds from asking for an instance until it works, of the first ones, where they were measured."""
    failures: Failures = field(default_factory=Failures)

    def __post_init__(self) -> None:
        _require(self.concurrency >= 1, "concurrency: is 1 or more")
        whole = (
            self.gauge_seconds > 0 and abs(60 / self.gauge_seconds - round(60 / self.gauge_seconds)) < 1e-9
        )
        _require(whole, "gauge_seconds: a whole number of readings makes a minute")


@dataclass(frozen=True)
class Pipeline:
    """The endpoints in tandem: region and text detection side by side, OCR after text detection.

    A document is cut into invocations of at most `pages_per_invocation` pages, as the flow does it. All of
    them reach the first two endpoints `before_seconds` after the document came; it is done `after_seconds`
    after its last.
    """

    endpoints: Mapping[EndpointStage, EndpointModel]
    pages_per_invocation: int = 8
    before_seconds: float = 0.0
    after_seconds: float = 0.0

    def before(self, stage: EndpointStage) -> float:
        """Seconds to an endpoint: 0 from the one before it, else what the flow takes before all of them."""
        return 0.0 if before(stage) else self.before_seconds

    def __post_init__(self) -> None:
        _require(set(self.endpoints) == set(STAGES), f"endpoints: are {', '.join(STAGES)}")
        _require(self.pages_per_invocation >= 1, "pages_per_invocation: is 1 or more")
        _require(min(self.before_seconds, self.after_seconds) >= 0, "before and after_seconds: not below 0")


@dataclass(frozen=True)
class Arrivals:
    """Documents one by one.

    Args:
        times: (n,) seconds, ascending.
        pages: (n,) pages of each document, 1 or more.
        duration_seconds: how long the trace is; not before its last document.
        start: what time 0 is; schedules follow it.
    """

    times: Floats
    pages: Counts
    duration_seconds: float
    start: datetime = datetime(2026, 1, 5, tzinfo=UTC)

    def __post_init__(self) -> None:
        _require(self.times.shape == self.pages.shape and self.times.ndim == 1, "arrivals: times and pages")
        _check_each(np.isfinite(self.times) & (self.times >= 0), "the time is not a number of 0 or more")
        _check_each(np.diff(self.times, prepend=0.0) >= 0, "the time is before the one above")
        _check_each(self.pages >= 1, "pages is below 1")
        last = float(self.times[-1]) if len(self.times) else 0.0
        _require(
            self.duration_seconds >= last and self.duration_seconds > 0, "duration_seconds: ends too early"
        )
        _require(self.start.tzinfo is not None, "start: needs a time zone")

    def volumes(self, tick_seconds: float = 10.0) -> Volumes:
        """The same documents, counted per tick."""
        ticks = int(np.ceil(self.duration_seconds / tick_seconds))
        index = np.minimum((self.times / tick_seconds).astype(np.int64), ticks - 1)
        sizes, documents = np.unique(self.pages, return_counts=True)
        if not len(sizes):
            sizes, documents = np.array([1]), np.array([1])
        return Volumes(
            documents=np.bincount(index, minlength=ticks).astype(np.float64),
            pages=np.bincount(index, weights=self.pages, minlength=ticks).astype(np.float64),
            sizes=sizes,
            shares=documents / documents.sum(),
            tick_seconds=tick_seconds,
            start=self.start,
        )


@dataclass(frozen=True)
class Volumes:
    """Documents per tick, for volumes at which each single one costs too much.

    Args:
        documents: (t,) documents that come in each tick.
        pages: (t,) their pages.
        sizes: (k,) the numbers of pages that documents have, ascending.
        shares: (k,) the share of documents of each size; they add up to 1.
        tick_seconds: how long a tick is; a whole number of them makes a minute.
        start: what time 0 is; schedules follow it.
    """

    documents: Floats
    pages: Floats
    sizes: Counts
    shares: Floats
    tick_seconds: float = 10.0
    start: datetime = datetime(2026, 1, 5, tzinfo=UTC)

    def __post_init__(self) -> None:
        _require(self.documents.shape == self.pages.shape, "volumes: documents and pages")
        whole = self.tick_seconds > 0 and abs(60 / self.tick_seconds - round(60 / self.tick_seconds)) < 1e-9
        _require(whole, "tick_seconds: a whole number of ticks makes a minute")
        for each in (self.documents, self.pages):
            _check_each(np.isfinite(each) & (each >= 0), "is not a number of 0 or more")
        _require(len(self.sizes) > 0 and bool((self.sizes >= 1).all()), "sizes: are 1 or more")
        _require(abs(float(self.shares.sum()) - 1) < 1e-6, "shares: add up to 1")
        _require(self.start.tzinfo is not None, "start: needs a time zone")

    @property
    def duration_seconds(self) -> float:
        """How long the trace is."""
        return len(self.documents) * self.tick_seconds


def _require(holds: bool, told: str) -> None:
    if not holds:
        raise ConfigurationError(told)


def _check_each(fine: NDArray[np.bool_], told: str) -> None:
    if not fine.all():
        raise ConfigurationError(f"entry {int(np.argmin(fine)) + 1}: {told}")
