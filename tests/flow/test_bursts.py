"""Bursts wait, they do not fail: more documents at once than functions that throttle can bear."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from hybrid_ocr.contracts.events import EVENT_SOURCE
from tests.flow.conftest import ROOT
from tests.flow.scripted import UNREAD
from tests.flow.site import Site, eventually
from tests.patience import PATIENCE

PRODUCTION = {"source": [EVENT_SOURCE]}


@dataclass(frozen=True)
class Burst:
    """A cloud without models, and how many executions may be under way in it."""

    site: Site
    most_executions: int


@pytest.fixture
def burst(tmp_path: Path) -> Iterator[Burst]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flow.scripted", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Burst(Site(told["url"]), told["most_executions"])
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_of_a_burst_on_functions_of_one_instance_no_document_is_lost(
    burst: Burst, pytestconfig: pytest.Config
) -> None:
    count = 2_000 if pytestconfig.getoption("--soak") else 200
    site = burst.site
    with site.listening(PRODUCTION) as listener:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: site.upload(f"inbox/{number}.pdf", b"%PDF-"), range(count)))
        most = 0

        def all_heard() -> bool:
            nonlocal most
            most = max(most, len(site.executions("RUNNING")))
            return len(listener.hear()) >= count

        eventually(all_heard, 60 + 5 * count)
        eventually(lambda: not site.executions("RUNNING"))
    assert {event.kind for event in listener.events} == {"DocumentCompleted"}
    jobs = [event.detail["job_id"] for event in listener.events]
    assert len(jobs) == len(set(jobs)) == count
    assert 1 < most <= burst.most_executions + 1, "one may be in its last step, its slot another one's"
    assert set(site.finished().values()) == {"SUCCEEDED"}
    assert len(site.finished()) == count
    assert list(site.dead_letters()) == []
    assert site.slots() == set()
    assert {job.state for job in site.client.jobs(count)} == {"succeeded"}


def test_an_execution_that_is_stopped_tells_its_end_and_the_next_job_starts(burst: Burst) -> None:
    site = burst.site
    with site.listening(PRODUCTION) as listener:
        for number in range(burst.most_executions + 1):
            site.upload(f"inbox/{number}-{UNREAD}", b"%PDF-")
        eventually(lambda: len(site.executions("RUNNING")) == burst.most_executions)
        eventually(lambda: [job for job in site.client.jobs(50) if job.state == "waiting"])
        [waiting] = [job for job in site.client.jobs(50) if job.state == "waiting"]
        stopped, *_ = site.executions("RUNNING")
        site.flow.stop_execution(executionArn=site.execution_arn(stopped))
        site.sweep()
        [event] = eventually(listener.hear)
        assert (event.kind, event.detail["job_id"]) == ("DocumentFailed", stopped.rpartition("-")[0])
        assert "stopped by hand" in event.detail["error"]["message"]
        eventually(lambda: f"{waiting.job_id}-1" in site.executions("RUNNING"))
