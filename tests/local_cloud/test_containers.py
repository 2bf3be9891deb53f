"""Model containers as real processes: they start, say why they cannot, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.contracts.messages import RegionBatch
from local_aws.errors import StartError
from local_cloud.containers import endpoint_container
from tests.conftest import ROOT
from tests.hosts.conftest import batch, container
from tests.hosts.fleet import ContainerFleet
from tests.patience import until

PARENT = """
import sys, time
from tests.hosts.fleet import ContainerFleet
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
        answer = fleet.invoke("fake", batch("good", "good"), RegionBatch)
        assert [page.number for page in answer.pages] == [1, 2]
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
            StartError, match=r"fake ended with status 1 .* is not the file its manifest names"
        ) as ended,
        ContainerFleet([made]),
    ):
        pass
    assert ended.value.entry["code"] == ErrorCode.ARTIFACT_INVALID


def test_a_container_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with ContainerFleet([container({}, {})], log_dir=tmp_path) as fleet:
        fleet.invoke("fake", batch("good"), RegionBatch)
        os.kill(fleet.pids["fake"], signal.SIGKILL)
        process = fleet.running["fake"]
        assert process.wait() == -signal.SIGKILL
        with pytest.raises(StartError, match=r"container fake ended with status -9 .*invocation"):
            process.is_ready()


def test_the_working_directory_is_not_imported(tmp_path: Path) -> None:
    made = endpoint_container(name="ocr", model_dir=tmp_path)
    assert "-P" in made.command
    assert made.environment["HYBRID_OCR_HOST"] == "127.0.0.1"
