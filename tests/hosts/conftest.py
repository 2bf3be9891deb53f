"""Real servers over the fake stage of tests/hosts/server.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.messages import FailedPage, PageBatch, PageImage, RegionBatch
from local_aws.containers import Container
from local_cloud.containers import endpoint_container
from tests.conftest import ROOT
from tests.hosts.fleet import ContainerFleet
from tests.patience import PATIENCE


@dataclass
class Server:
    """A running server: its HTTP client, its process and its log."""

    http: httpx.Client
    pid: int
    log: Path

    def send(self, *orders: str | FailedPage) -> httpx.Response:
        return self.http.post(
            "/invocations", content=encode(batch(*orders)), headers={"content-type": MSGPACK}
        )

    def answer(self, *orders: str | FailedPage) -> RegionBatch:
        response = self.send(*orders)
        assert response.status_code == 200, response.text
        return decode(RegionBatch, response.content)

    def metric(self, name: str) -> float:
        for line in self.http.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def batch(*orders: str | FailedPage) -> PageBatch:
    """One page for each order; the fake stage does what the page says."""
    pages = [
        order
        if isinstance(order, FailedPage)
        else PageImage(number=number, width=10, height=10, encoding="png", data=order.encode())
        for number, order in enumerate(orders, start=1)
    ]
    return PageBatch(pages=tuple(pages))


def error_of(response: httpx.Response) -> str:
    told = response.json()["error"]
    assert set(told) == {"code", "message", "retryable"}
    return str(told["code"])


def container(settings: dict[str, Any], options: dict[str, str]) -> Container:
    return endpoint_container(
        name="fake",
        module="tests.hosts.server",
        model_dir=Path(),
        settings={**settings, "options": json.dumps(options)},
        environment={"PYTHONPATH": str(ROOT)},
    )


@contextmanager
def running(folder: Path, settings: dict[str, Any], options: dict[str, str]) -> Iterator[Server]:
    with (
        ContainerFleet([container(settings, options)], log_dir=folder) as fleet,
        httpx.Client(base_url=fleet.urls["fake"], timeout=PATIENCE, trust_env=False) as http,
    ):
        yield Server(http, fleet.pids["fake"], folder / "fake.log")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the default settings, shared by the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("server"), {}, {}) as started:
        yield started


Start = Callable[..., Server]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that is not there yet: what the order `hold FILE` waits for, until a test touches it."""
    return tmp_path / "gate"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server of one's own: `start(options={...}, max_batch_pages=1)`."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda options=None, **settings: stack.enter_context(running(tmp_path, settings, options or {}))
