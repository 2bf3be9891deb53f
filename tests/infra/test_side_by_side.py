"""Stages stand side by side in one account and region: none has a name, metric or export of another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from infra.rules import Component
from infra.rules.component import Resource
from infra.rules.operations import charted

_NAMES = ("Name", "TableName", "AliasName", "DashboardName", "PolicyName")


def _physical_names(resource: Resource) -> Iterator[str]:
    told = [resource.name, *(resource.properties.get(key, "") for key in _NAMES)]
    yield from (f"{resource.type} {name}" for name in told if isinstance(name, str) and name)


def _own_metrics(component: Component) -> Iterator[str]:
    for alarm in component.of("AWS::CloudWatch::Alarm"):
        if str(alarm.properties.get("Namespace")).startswith("HybridOCR"):
            yield str(alarm.properties["Namespace"])
    for board in component.of("AWS::CloudWatch::Dashboard"):
        told = charted(json.loads(board.properties["DashboardBody"]))
        yield from (namespace for namespace, _, _ in told if namespace.startswith("HybridOCR"))
    for function in component.of("AWS::Lambda::Function"):
        yield function.properties["Environment"]["Variables"]["HYBRID_OCR_METRICS_NAMESPACE"]


def test_two_stages_share_no_name_and_no_metric(components: Mapping[str, Component]) -> None:
    for one, other in combinations(components.values(), 2):
        names = [
            {name for resource in component.resources for name in _physical_names(resource)}
            for component in (one, other)
        ]
        assert len(names[0]) > 50
        assert not names[0] & names[1]
        assert not set(_own_metrics(one)) & set(_own_metrics(other))


def test_every_metric_of_ours_is_in_the_namespace_of_its_stage(components: Mapping[str, Component]) -> None:
    for stage, component in components.items():
        assert set(_own_metrics(component)) == {f"HybridOCR/{stage}"}


def test_two_stages_share_no_export(assemblies: Mapping[str, Path]) -> None:
    exports = {stage: set(_exports(folder)) for stage, folder in assemblies.items()}
    assert all(exports.values())
    for one, other in combinations(exports.values(), 2):
        assert not one & other


def _exports(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.template.json"):
        outputs: dict[str, Any] = json.loads(path.read_text("utf-8")).get("Outputs", {})
        yield from (json.dumps(told["Export"]["Name"]) for told in outputs.values() if "Export" in told)
