"""What operators have: alarms that fire on what they name, runbooks that exist, readable dashboards."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import pytest

from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.board import body
from infra.dashboards import dashboards
from infra.deployment import Deployment
from infra.metrics import OWN, PUBLISHED
from infra.pictures import write_pictures
from infra.rules import Component
from infra.settings import load_settings
from infra.synthesis import ROOT

Points = Sequence[float | None]
_TEXT = "{http://www.w3.org/2000/svg}text"

ENDPOINT = "|".join(stage.replace("_", "-") for stage in ENDPOINTS)
SCENARIOS: Mapping[str, tuple[Points, Points]] = {
    r"(jobs|inferences|functions|alarms)-dead-letters": ([0], [1]),
    r"documents-(failed|timedout)": ([None], [1]),
    r"(jobs|inferences)-waiting": ([30], [900]),
    r"oldest-ticket": ([600], [4 * 3600]),
    r"oldest-waiting-job": ([3600], [12 * 3600]),
    r"sweep-silent": ([5], [None]),
    r"(intake|paginate|rotation|dispatch|resume|sweep|validation|conclude)-errors": ([5, 0, 5], [5, 6, 5]),
    rf"({ENDPOINT})-(async|realtime)-errors": ([5, None], [5, 5]),
    rf"({ENDPOINT})-no-capacity": ([1, 1, 1, 0], [1, 1, 1, 1]),
    rf"({ENDPOINT})-expired": ([None], [1]),
    rf"({ENDPOINT})-async-wake": ([0, 1], [1, 1]),
    rf"({ENDPOINT})-async-wake-on-documents": ([None], [1]),
}
"""Of each alarm: data of a day on which all is well, and of one on which what it names has happened."""


def _is_raised(alarm: Mapping[str, Any], points: Points) -> bool:
    """What CloudWatch makes of the newest data points; None is a period without data.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
    """
    crossed = {
        "GreaterThanOrEqualToThreshold": lambda value: value >= alarm["Threshold"],
        "LessThanThreshold": lambda value: value < alarm["Threshold"],
    }[alarm["ComparisonOperator"]]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    newest = points[-alarm["EvaluationPeriods"] :]
    breaching = [missing if point is None else crossed(point) for point in newest]
    return sum(breaching) >= alarm["DatapointsToAlarm"]


def test_every_alarm_fires_on_what_it_names_and_only_then(component: Component) -> None:
    for alarm in component.of("AWS::CloudWatch::Alarm"):
        short = alarm.name.removeprefix(f"{component.prefix}-")
        [(well, wrong)] = [told for name, told in SCENARIOS.items() if re.fullmatch(name, short)]
        assert not _is_raised(alarm.properties, well), alarm.name
        assert _is_raised(alarm.properties, wrong), alarm.name


def test_every_alarm_leads_to_a_runbook_that_is_there(component: Component) -> None:
    told = [alarm.properties["AlarmDescription"] for alarm in component.of("AWS::CloudWatch::Alarm")]
    linked = {link for text in told for link in re.findall(r"docs/runbooks/([a-z-]+\.md)", text)}
    there = {path.name for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert linked == there


def test_what_our_code_emits_is_what_the_list_says() -> None:
    listed = {
        (name, dimensions)
        for (namespace, dimensions), names in PUBLISHED.items()
        if namespace == OWN
        for name in names
    }
    folders = (ROOT / "lambdas", ROOT / "hybrid_ocr" / "hosts")
    emitted = {found for folder in folders for path in folder.rglob("*.py") for found in _emitted(path)}
    assert listed == emitted


def _emitted(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and dimensions of each metric that a module counts; intake's come from a table of its own."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="count", value=ast.Name(id="host" | "self")), args=[name, *_]
            ):
                dimensions = {"service", *(str(keyword.arg) for keyword in node.keywords)}
                if isinstance(name, ast.Constant):
                    yield str(name.value), tuple(sorted(dimensions))
            case ast.keyword(arg="capture_cold_start_metric"):
                yield "ColdStart", ("function_name", "service")
            case ast.AnnAssign(target=ast.Name(id="METRICS"), value=ast.Dict(values=values)):
                yield from ((str(ast.literal_eval(value)), ("service",)) for value in values)


def _boards(component: Component) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for board in component.of("AWS::CloudWatch::Dashboard"):
        yield board.properties["DashboardName"], json.loads(board.properties["DashboardBody"])["widgets"]


def test_there_is_a_dashboard_for_documents_for_each_endpoint_and_for_cost(
    components: Mapping[str, Component],
) -> None:
    prod = components["prod"]
    endpoints = {endpoint.name for endpoint in prod.of("AWS::SageMaker::Endpoint")}
    names = {name for name, _ in _boards(prod)}
    assert names == {"hybrid-ocr-prod-documents", "hybrid-ocr-prod-cost", *endpoints}


@pytest.mark.parametrize(("wanted", "names"), [("documents", ["documents"]), ("none", [])])
def test_a_stage_chooses_which_dashboards_it_pays_for(
    wanted: Literal["documents", "none"], names: list[str]
) -> None:
    settings = load_settings("prod", dockerfile=ROOT / "endpoints" / "Dockerfile")
    stage = settings.stage.model_copy(update={"dashboards": wanted})
    deployment = Deployment.of(settings.model_copy(update={"stage": stage}), ROOT)
    assert [board.name for board in dashboards(deployment)] == names


def test_an_endpoint_without_a_gpu_has_no_chart_of_one() -> None:
    charts = {}
    for stage in ("dev", "dev-cpu"):
        settings = load_settings(stage, dockerfile=ROOT / "endpoints" / "Dockerfile")
        settings = settings.model_copy(
            update={"stage": settings.stage.model_copy(update={"dashboards": "all"})}
        )
        boards = dashboards(Deployment.of(settings, ROOT))
        charts[stage] = json.dumps([body(board, "us-east-1") for board in boards])
    assert "GPU" in charts["dev"]
    assert "GPU" not in charts["dev-cpu"]
    assert "CPUUtilization" in charts["dev-cpu"]


def test_a_picture_shows_every_chart_and_line(component: Component, tmp_path: Path) -> None:
    pictures = {file.stem: file for file in write_pictures(component, tmp_path)}
    boards = dict(_boards(component))
    assert pictures.keys() == boards.keys()
    for name, widgets in boards.items():
        texts = {text.text or "" for text in ElementTree.parse(pictures[name]).iter(_TEXT)}  # noqa: S314 - our own
        for chart in (widget["properties"] for widget in widgets if widget["type"] == "metric"):
            assert chart["title"] in texts
            for options in (entry[-1] for entry in chart["metrics"]):
                assert not options.get("visible", True) or any(
                    text.startswith(f"{options['label']}:") for text in texts
                ), f"{name}: {options}"


def test_widgets_lie_in_the_grid_and_on_no_other(component: Component) -> None:
    for name, widgets in _boards(component):
        places = [
            {(x, y) for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])}
            for w in widgets
        ]
        assert all(x < 24 for place in places for x, _ in place), name
        assert not any(one & other for one, other in combinations(places, 2)), name


def test_every_chart_has_a_title_of_its_own_and_a_unit(component: Component) -> None:
    for name, widgets in _boards(component):
        charts = [widget["properties"] for widget in widgets if widget["type"] == "metric"]
        titles = [chart["title"] for chart in charts]
        assert len(set(titles)) == len(titles), name
        for chart in charts:
            assert chart.get("yAxis", {}).get("left", {}).get("label") or chart["title"].endswith("]")
            assert all(options[-1]["label"] for options in chart["metrics"])


def test_expressions_refer_to_lines_of_their_chart(component: Component) -> None:
    for name, widgets in _boards(component):
        for widget in widgets:
            lines = [options[-1] for options in widget["properties"].get("metrics", ())]
            ids = {line["id"] for line in lines if "id" in line}
            for line in lines:
                used = set(re.findall(r"\b[a-z]\w*", line.get("expression", "")))
                assert used <= ids, f"{name}: {line}"


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "runbooks").glob("*.md")), ids=lambda page: page.stem
)
def test_links_of_a_runbook_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    assert all((page.parent / link).is_file() for link in links)


def test_a_caller_may_call_the_realtime_endpoints_and_rotation_and_no_more(component: Component) -> None:
    policies = [
        policy.properties["PolicyDocument"]["Statement"]
        for policy in component.of("AWS::IAM::ManagedPolicy")
        if str(policy.properties.get("Description")).startswith("Calls the real-time endpoints")
    ]
    names = {name for name, mode in component.endpoint_modes.items() if mode == "realtime"}
    assert bool(policies) == bool(names), "only where there is something to call"
    for statements in policies:
        allowed = {
            (told["Action"], resource.rpartition("/" if "endpoint/" in resource else ":")[2])
            for told in statements
            for resource in ([told["Resource"]] if isinstance(told["Resource"], str) else told["Resource"])
        }
        calls = {("sagemaker:InvokeEndpoint", name) for name in names}
        assert allowed - calls == {("lambda:InvokeFunction", "hybrid-ocr-prod-rotation")}
        assert calls <= allowed
