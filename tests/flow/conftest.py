"""Local clouds for the tests of the flow: real servers, real functions, the real state machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.flow.site import Site
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., AbstractContextManager[Site]]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Start a local cloud with settings of its own, see tests/flow/serve.py."""

    @contextmanager
    def started(**settings: Any) -> Iterator[Site]:
        log_dir = tmp_path_factory.mktemp("cloud")
        told = json.dumps({"log_dir": str(log_dir), **settings})
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.serve", told], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            export = process.stdout.readline()
            assert "AWS_ENDPOINT_URL=" in export, f"the cloud did not start, see {log_dir}"
            yield Site(export.split("AWS_ENDPOINT_URL=")[1].split()[0])
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0

    return started


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """Jobs at once: what the project promises with --soak, else what a build bears."""
    return 200 if request.config.getoption("--soak") else 8


@pytest.fixture(scope="session")
def site(start: Start) -> Iterator[Site]:
    """The cloud that most tests share."""
    with start() as site:
        yield site
