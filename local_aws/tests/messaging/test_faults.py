"""The fault plan: any failure replays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.errors import ConfigurationError
from local_aws.messaging.faults import ChannelFaults, FaultPlan, identity_of

ANY = ChannelFaults(drop=0.2, duplicate=0.5, copies=5, delay_seconds=(0.0, 2.0))


@given(st.integers(), st.lists(st.text(max_size=20), max_size=30), st.randoms())
def test_decisions_follow_from_seed_and_message_in_any_order(seed: int, texts: list[str], chance) -> None:
    def decisions(order: list[str]) -> list[tuple[str, tuple[float, ...]]]:
        plan = FaultPlan(seed=seed, sns=ANY)
        return sorted((text, plan.deliveries("sns", text)) for text in order)

    shuffled = list(texts)
    chance.shuffle(shuffled)
    assert decisions(texts) == decisions(shuffled)


@given(st.integers(), st.text())
def test_deliveries_stay_within_what_the_plan_allows(seed: int, text: str) -> None:
    delays = FaultPlan(seed=seed, events=ANY).deliveries("events", text)
    assert len(delays) <= 5
    assert all(0.0 <= delay <= 2.0 for delay in delays)


def test_without_a_plan_each_message_comes_once_and_at_once() -> None:
    plan = FaultPlan(seed=3, sns=ANY)
    assert plan.deliveries("sqs", "x") == (0.0,)


def test_rates_are_those_asked_for() -> None:
    plan = FaultPlan(seed=1, sqs=ChannelFaults(drop=0.25, duplicate=0.8, copies=5))
    counts = [len(plan.deliveries("sqs", str(number))) for number in range(4_000)]
    assert counts.count(0) / 4_000 == pytest.approx(0.25, abs=0.03)
    for copies in (1, 2, 3, 4, 5):
        expected = 0.75 * (0.2 if copies == 1 else 0.8 / 4)
        assert counts.count(copies) / 4_000 == pytest.approx(expected, abs=0.03)
    done = plan.summary()["sqs"]
    assert done["deliveries"] == sum(counts)
    assert done["dropped"] == counts.count(0)
    assert done["duplicated"] == sum(count > 1 for count in counts)


def test_equal_messages_fare_differently() -> None:
    plan = FaultPlan(seed=1, sns=ChannelFaults(delay_seconds=(0.0, 1.0)))
    assert len({plan.deliveries("sns", "the same") for _ in range(10)}) == 10


def test_times_and_ids_of_aws_are_no_part_of_a_messages_identity() -> None:
    def envelope(number: int, inference: str) -> str:
        notice = {"inferenceId": inference, "eventTime": f"time {number}"}
        return json.dumps({"MessageId": str(number), "Timestamp": str(number), "Message": json.dumps(notice)})

    assert identity_of(envelope(1, "a")) == identity_of(envelope(2, "a"))
    assert identity_of(envelope(1, "a")) != identity_of(envelope(1, "b"))


def test_a_plan_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        "seed = 7\n[sns]\ndrop = 1.0\n[events]\nduplicate = 1.0\ncopies = 2\ndelay_seconds = [0.5, 0.5]\n"
    )
    plan = FaultPlan.load(path)
    assert plan.deliveries("sns", "x") == ()
    assert plan.deliveries("events", "x") == (0.5, 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "seed = ",
        "[smoke]\ndrop = 1",
        "[sns]\ndrop = 2",
        "[sns]\ncopies = 1",
        "[sns]\ndelay_seconds = [2, 1]",
        "[sns]\ndelay_seconds = [-1, 1]",
        "[sns]\nlose = 1",
    ],
)
def test_a_plan_that_says_nonsense_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"plan\.toml"):
        FaultPlan.load(path)


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        FaultPlan.load(tmp_path / "nowhere.toml")
