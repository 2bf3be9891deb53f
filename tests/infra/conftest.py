from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra.rules import Component
from infra.settings import stage_names
from infra.synthesis import synthesise

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
