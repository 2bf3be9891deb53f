"""The fleet of containers and their client, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from hybrid_ocr.contracts.errors import CapacityError, EngineError, ErrorCode, RequestError
from hybrid_ocr.contracts.messages import CropBatch, PageBatch, PageCrops, RegionBatch
from local_cloud.client import EndpointClient
from local_cloud.containers import Container, ContainerFleet
from tests.conftest import ROOT
from tests.hosts.conftest import batch, container
from tests.patience import PATIENCE, until

PARENT = """
import sys, time
from local_cloud.containers import ContainerFleet
from tests.hosts.conftest import container
with ContainerFleet([container({}, {})]) as fleet:
    print(fleet.pids["fake"], flush=True)
    time.sleep(3600)
"""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_fleet_answers_and_leaves_nothing_behind() -> None:
    with ContainerFleet([container({}, {})]) as fleet:
        pids = list(fleet.pids.values())
        with fleet.client("fake") as client:
            assert [page.number for page in client.invoke(batch("good", "good"), RegionBatch).pages] == [1, 2]
    assert all(gone(pid) for pid in pids)


def test_no_orphan_when_the_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()
    until(lambda: gone(child))


def test_a_container_that_cannot_start_says_why() -> None:
    made = container({}, {"artifact": "bad"})
    with (
        pytest.raises(
            EngineError, match=r"fake ended with status 1 .* is not the file its manifest names"
        ) as ended,
        ContainerFleet([made]),
    ):
        pass
    assert ended.value.code is ErrorCode.ARTIFACT_INVALID


def test_a_container_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with (
        ContainerFleet([container({}, {})], log_dir=tmp_path) as fleet,
        fleet.client("fake") as client,
    ):
        client.invoke(batch("good"), RegionBatch)
        os.kill(fleet.pids["fake"], signal.SIGKILL)
        with pytest.raises(EngineError, match=r"container fake ended with status -9: .*invocation"):
            client.invoke(batch("good"), RegionBatch)


def test_what_a_container_answers_is_raised_as_it_was_there() -> None:
    with ContainerFleet([container({"max_body_bytes": 1024}, {})]) as fleet, fleet.client("fake") as client:
        with pytest.raises(RequestError) as too_large:
            client.invoke(batch("x" * 2000), RegionBatch)
        assert too_large.value.code is ErrorCode.BODY_TOO_LARGE
        page = PageCrops(number=1, width=1, height=1, lines=(), crops=())
        with pytest.raises(RequestError) as not_its_message:
            client.invoke(CropBatch(pages=(page,)), RegionBatch)
        assert not_its_message.value.code is ErrorCode.INVALID_REQUEST
    hasty = {"request_seconds": 0.2, "drain_seconds": 0.1}
    with ContainerFleet([container(hasty, {})]) as fleet, fleet.client("fake") as client:
        with pytest.raises(EngineError) as late:
            client.invoke(batch("hold /never"), RegionBatch)
        assert late.value.code is ErrorCode.STAGE_TIMEOUT


def test_a_full_container_is_asked_again_until_the_deadline(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    settings = {"max_queue_pages": 1, "max_batch_pages": 1}
    with ContainerFleet([container(settings, {})]) as fleet, fleet.client("fake") as client:
        answered: list[int] = []
        callers = [
            threading.Thread(
                target=lambda: answered.append(len(client.invoke(batch(f"hold {first}"), RegionBatch).pages))
            )
            for _ in range(6)
        ]
        for caller in callers:
            caller.start()
        until(lambda: _waiting(fleet) == 1)
        first.touch()
        for caller in callers:
            caller.join(PATIENCE)
        assert answered == [1] * 6
        with fleet.client("fake", deadline_seconds=0.3) as hurried:
            blockers = [
                threading.Thread(target=lambda: client.invoke(batch(f"hold {second}"), RegionBatch))
                for _ in range(2)
            ]
            for blocker in blockers:
                blocker.start()
            until(lambda: _waiting(fleet) == 1)
            with pytest.raises((CapacityError, EngineError)):
                hurried.invoke(batch("good"), RegionBatch)
            second.touch()
            for blocker in blockers:
                blocker.join()


def _waiting(fleet: ContainerFleet) -> float:
    told = httpx.get(f"{fleet.urls['fake']}/metrics", timeout=PATIENCE, trust_env=False).text
    [line] = [line for line in told.splitlines() if line.startswith("hybrid_ocr_queue_pages ")]
    return float(line.split()[1])


def test_nobody_listens_there() -> None:
    with (
        EndpointClient("http://127.0.0.1:9", deadline_seconds=0.2) as client,
        pytest.raises(EngineError, match="connection"),
    ):
        client.invoke(PageBatch(pages=()), RegionBatch)


def test_the_working_directory_is_not_imported(tmp_path: Path) -> None:
    made = Container(name="ocr", model_dir=tmp_path)
    assert "-P" in made.command()
    assert made.variables()["HYBRID_OCR_HOST"] == "127.0.0.1"
