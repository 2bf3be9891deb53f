"""The table of stages: everything that knows stages derives from it, so it must be sound in itself."""

from __future__ import annotations

import tomllib
from pkgutil import resolve_name
from typing import get_args

import pytest
from pydantic import ValidationError

from hybrid_ocr.contracts.messages import Batch, EndpointStage, FailedPage, PageAnswer, StageName
from hybrid_ocr.contracts.stages import LAST, STAGES, artifact_names, chain
from tests.conftest import ROOT
from topology import Topology


def test_the_literals_for_types_are_the_names_of_the_table() -> None:
    behind_endpoints = [name for name, spec in STAGES.items() if spec.host == "endpoint"]
    assert list(get_args(EndpointStage)) == behind_endpoints
    assert list(get_args(StageName)) == ["opening", *STAGES, "validation"]


def test_a_stage_stands_below_the_one_it_comes_after_and_the_first_comes_after_none() -> None:
    names = list(STAGES)
    assert STAGES[names[0]].after is None
    for place, name in enumerate(names[1:], start=1):
        assert STAGES[name].after in names[:place]
        assert STAGES[name].request is STAGES[STAGES[name].after].answer


def test_no_two_stages_write_the_same_object() -> None:
    outputs = [spec.output for spec in STAGES.values()]
    assert len(set(outputs)) == len(outputs)
    stems = [output.split(".")[0] for output in outputs]  # ids of invocations are made of them
    assert len(set(stems)) == len(stems)
    assert max(map(len, stems)) <= 14  # with job, attempt and batch an id has 64 characters at most


def test_every_answer_says_of_each_page_what_a_stage_that_nobody_knows_is_counted_by() -> None:
    for spec in STAGES.values():
        assert issubclass(spec.answer, Batch)
        each = get_args(spec.answer.model_fields["pages"].annotation)[0]
        answer, failure = get_args(each.__origin__)
        assert failure is FailedPage
        assert issubclass(answer, PageAnswer)


@pytest.mark.parametrize("name", STAGES)
def test_the_class_of_a_stage_can_be_imported_and_has_what_a_stage_has(name: StageName) -> None:
    stage = resolve_name(STAGES[name].implementation)
    assert callable(stage.load)
    assert callable(stage.run)
    assert isinstance(stage.model, property)


@pytest.mark.parametrize(("name", "host"), [("ocr", "endpoint"), ("rotation", "function")])
def test_a_stage_that_nothing_in_the_topology_hosts_is_refused_by_name(name: str, host: str) -> None:
    told = tomllib.loads((ROOT / "topology" / "component.toml").read_text("utf-8"))
    del told[f"{host}s"][name]
    with pytest.raises(
        ValidationError, match=rf"stage {name} is hosted by no {host}: add \[{host}s.{name}\]"
    ):
        Topology.model_validate(told)


def test_the_ways_of_a_page_end_at_the_stages_that_none_comes_after() -> None:
    assert chain("region_detection") == ("rotation", "region_detection")
    assert chain("ocr") == ("rotation", "text_detection", "ocr")
    assert {"region_detection", "ocr"} <= set(LAST)
    assert not {"rotation", "text_detection"} & set(LAST)
    assert set(STAGES) == {stage for last in LAST for stage in chain(last)}


def test_only_a_stage_with_an_artefact_for_each_script_has_that_scripts() -> None:
    whole, latin = artifact_names(), artifact_names("latin")
    assert latin["ocr"] == f"{whole['ocr']}-latin"
    assert {stage for stage in whole if whole[stage] != latin[stage]} == {"ocr"}
