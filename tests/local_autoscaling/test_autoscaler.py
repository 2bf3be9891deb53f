"""The autoscaler of the local cloud over instances that only count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from autoscaling.live import Autoscaler
from autoscaling.policies import Policy, Tracking, Wake
from local_aws.sagemaker.metrics import MetricData, endpoint_gauge
from tests.patience import until

SPEED = 6_000.0
"""A period passes in ten milliseconds."""
NAME = "ocr"


class Counted:
    """An endpoint whose instances come at once and whose backlog is what the test says."""

    def __init__(self) -> None:
        self.counts, self.backlog = [(time.monotonic(), 1)], 0

    @property
    def count(self) -> int:
        return self.counts[-1][1]

    def gauges(self) -> MetricData:
        gauges = [endpoint_gauge(NAME, "HasBacklogWithoutCapacity", self.backlog > 0 and not self.count)]
        if self.count:
            share = self.backlog / self.count
            gauges.append(endpoint_gauge(NAME, "ApproximateBacklogSizePerInstance", share))
        return gauges

    def instance_counts(self, name: str) -> Sequence[tuple[float, int]]:
        assert name == NAME
        return self.counts

    def set_instance_count(self, name: str, instances: int) -> None:
        assert name == NAME
        self.counts.append((time.monotonic(), instances))

    def scale(self, name: str, instances: int, cause: str) -> None:
        assert cause
        self.set_instance_count(name, instances)


def policy(*, on_documents: bool = False) -> Policy:
    return Policy(
        min_instances=0,
        max_instances=3,
        tracking=Tracking(
            metric="ApproximateBacklogSizePerInstance",
            target=4,
            scale_out_cooldown_seconds=60,
            scale_in_cooldown_seconds=60,
        ),
        wake=Wake(periods=2, add_instances=1, cooldown_seconds=60, on_documents=on_documents),
    )


@contextmanager
def scaled(
    told: Policy, started: Callable[[], int] = lambda: 0
) -> Iterator[tuple[Counted, Autoscaler, list[str]]]:
    endpoint, published = Counted(), list[str]()

    def publish(namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        published.extend(f"{namespace}/{datum['MetricName']}" for datum in data)

    with Autoscaler(endpoint, {NAME: told}, speed=SPEED, publish=publish, started=started) as scaler:
        yield endpoint, scaler, published


def decisions(scaler: Autoscaler) -> list[tuple[int, int]]:
    return [(each["from"], each["to"]) for each in scaler.report()["endpoints"][NAME]["decisions"]]


def test_an_endpoint_begins_with_the_least_that_its_policy_allows() -> None:
    with scaled(policy()) as (endpoint, scaler, _):
        assert endpoint.count == 0
        assert scaler.report()["endpoints"][NAME]["desired"] == 0


def test_work_that_waits_wakes_it_more_work_grows_it_and_it_sleeps_when_all_is_done() -> None:
    with scaled(policy()) as (endpoint, scaler, published):
        endpoint.backlog = 100
        until(lambda: endpoint.count == 3)
        endpoint.backlog = 0
        until(lambda: endpoint.count == 0)
        assert decisions(scaler) == [(0, 1), (1, 3), (3, 0)]
        until(lambda: scaler.report()["endpoints"][NAME]["instances"] == 0)
        told = scaler.report()["endpoints"][NAME]
        assert [count for _, count in told["changes"]] == [1, 0, 1, 3, 0]
        assert told["decisions"][0]["why"] == "HasBacklogWithoutCapacity 1"
        assert told["decisions"][1]["why"].startswith("ApproximateBacklogSizePerInstance")
        assert set(published) == {"AWS/SageMaker/ApproximateBacklogSizePerInstance"}


def test_what_it_lets_go_is_gone_when_it_decides_so() -> None:
    with scaled(policy()) as (endpoint, scaler, _):
        endpoint.backlog = 1
        until(lambda: decisions(scaler) == [(0, 1)])
        endpoint.backlog = 0
        until(lambda: decisions(scaler) == [(0, 1), (1, 0)])
        told = scaler.report()["endpoints"][NAME]
        assert told["changes"][-1] == (told["decisions"][-1]["at"], 0)


def test_it_tells_when_gauges_were_due_and_read() -> None:
    with scaled(policy()) as (_, scaler, _):
        until(lambda: len(scaler.report()["readings"]) >= 12)
        due, read = zip(*scaler.report()["readings"][:12], strict=True)
        assert list(due) == [10.0 * reading for reading in range(1, 13)]
        assert all(late >= at for at, late in zip(due, read, strict=True))


def test_decisions_are_made_when_periods_end_after_as_many_as_the_alarms_want() -> None:
    with scaled(policy()) as (endpoint, scaler, _):
        endpoint.backlog = 100
        until(lambda: endpoint.count == 3)
        woken, grown = (each["at"] for each in scaler.report()["endpoints"][NAME]["decisions"])
        assert woken % 60 == grown % 60 == 0
        assert grown - woken == 180


def test_a_document_that_comes_wakes_it_before_a_request_waits() -> None:
    started = [7]
    with scaled(policy(on_documents=True), lambda: len(started)) as (endpoint, scaler, _):
        until(lambda: scaler.now > 300)
        assert decisions(scaler) == []
        started.append(8)
        until(lambda: endpoint.count == 1)
        assert scaler.report()["endpoints"][NAME]["decisions"][0]["why"] == "DocumentsWithoutCapacity 1"


def test_a_document_that_comes_wakes_nothing_where_the_policy_does_not_say_so() -> None:
    started = [7]
    with scaled(policy(), lambda: len(started)) as (_, scaler, _):
        started.append(8)
        until(lambda: scaler.now > 600)
        assert decisions(scaler) == []


def test_a_reading_that_fails_ends_nothing() -> None:
    with scaled(policy()) as (endpoint, scaler, _):
        gauges, endpoint.gauges = endpoint.gauges, lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        until(lambda: scaler.now > 300)
        endpoint.gauges = gauges  # type: ignore[method-assign]
        endpoint.backlog = 1
        until(lambda: endpoint.count == 1)
