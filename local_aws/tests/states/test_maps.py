"""Distributed maps."""

from __future__ import annotations

import json

import pytest

from local_aws.tests.states.machines import Machines, distributed


def test_one_worker_maps_more_items_than_the_stack_is_deep(machines: Machines) -> None:
    items = list(range(1, 1_101))
    ended = machines.run(distributed(MaxConcurrency=1), items=items)
    assert json.loads(ended["output"]) == items
    assert len(machines.events(ended["executionArn"])) < 20


@pytest.mark.parametrize(
    ("tolerated", "status"), [(100.0, "SUCCEEDED"), (50.0, "SUCCEEDED"), (49.0, "FAILED")]
)
def test_a_map_fails_when_more_items_fail_than_are_tolerated(
    machines: Machines, tolerated: float, status: str
) -> None:
    ended = machines.run(distributed(ToleratedFailurePercentage=tolerated), items=[0, 1])
    assert ended["status"] == status
    assert ended.get("error") in {None, "States.ExceedToleratedFailureThreshold"}


def test_a_map_of_nothing_succeeds(machines: Machines) -> None:
    assert machines.run(distributed(), items=[])["status"] == "SUCCEEDED"
