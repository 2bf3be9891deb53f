"""`hybrid-ocr up` as people start and stop it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import boto3
import psutil
import pytest

from tests.patience import PATIENCE, until

COMMAND = [sys.executable, "-m", "hybrid_ocr", "up", "--port", "0", "--script", "latin"]


@pytest.fixture
def up() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        COMMAND,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a shell does, whose Control-C reaches the whole group
        # A shell starts its background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        yield process
        process.kill()


def test_its_exports_lead_boto3_to_it_and_control_c_ends_it_whole(
    up: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert up.stdout
    for _ in range(2):
        for name, value in re.findall(r"(\w+)=(\S+)", up.stdout.readline()):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_REGION")  # boto3 does not know it
    session = boto3.Session()
    assert session.region_name == "us-east-1"
    buckets = session.client("s3").list_buckets()["Buckets"]
    assert "hybrid-ocr-local-inbox-123456789012-us-east-1" in {bucket["Name"] for bucket in buckets}
    children = psutil.Process(up.pid).children(recursive=True)
    assert children
    os.killpg(up.pid, signal.SIGINT)
    _, told = up.communicate(timeout=PATIENCE)
    assert up.returncode == 0
    assert told.endswith("stopping\n")
    assert "Traceback" not in told
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert alive == []


def test_control_c_before_it_is_ready_ends_it_as_well(up: subprocess.Popen[str]) -> None:
    parent = psutil.Process(up.pid)
    until(parent.children)
    children = parent.children(recursive=True)
    os.killpg(up.pid, signal.SIGINT)
    _, told = up.communicate(timeout=PATIENCE)
    assert up.returncode == 130
    assert told.splitlines() == ["hybrid-ocr: interrupted before the local cloud was ready"]
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert alive == []
