from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer

from hybrid_ocr.clients import Connection, connect
from infra.rules import Component
from infra.settings import stage_names
from infra.synthesis import synthesise

Account = Callable[[str], Connection]
Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The cloud assembly of each stage, synthesised once."""
    folder = tmp_path_factory.mktemp("assemblies")
    return {stage: synthesise(stage, output=folder / stage) for stage in stage_names()}


@pytest.fixture(scope="session")
def components(assemblies: Mapping[str, Path]) -> Mapping[str, Component]:
    return {stage: Component.read(folder) for stage, folder in assemblies.items()}


@pytest.fixture(params=stage_names())
def component(request: pytest.FixtureRequest, components: Mapping[str, Component]) -> Component:
    return components[request.param]


@pytest.fixture
def templates(assemblies: Mapping[str, Path]) -> Callable[[], Templates]:
    """Gives the templates of prod, which has every kind of resource; each call a fresh copy to change."""
    suffix = ".template.json"
    read = {
        path.name.removesuffix(suffix): json.loads(path.read_text("utf-8"))
        for path in sorted(assemblies["prod"].glob(f"*{suffix}"))
    }
    return lambda: deepcopy(read)


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def account(_moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    """An account with nothing in it, behind a socket; gives a connection to a stage of it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRID_OCR_ON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    httpx.post(f"{_moto}/moto-api/reset", timeout=120).raise_for_status()
    return lambda stage: connect(stage, endpoint_url=_moto)
