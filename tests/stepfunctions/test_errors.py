"""Each Retry and Catch of the flow file, reached by the error that it is there for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from hybrid_ocr.contracts.flow_errors import PermanentError, TransientError
from hybrid_ocr.storage.executions import Execution
from tests.functions.component import ENVIRONMENT, create
from tests.stepfunctions.cloud import Answer, Cloud, Ended, FunctionError, Script, job
from tests.stepfunctions.faults import CALLBACKS, CALLS, CASES, FLOW, Case, Faults, states

pytestmark = pytest.mark.xdist_group("errors of the flow")  # they share executions that all start at once

PATIENT: Final = 6
"""Failures that only the Retry of busy functions bears."""


@dataclass
class Run:
    """An execution in which one state meets its fault."""

    case: Case
    script: Script
    execution: str


@pytest.fixture(scope="module")
def faults(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": cloud.endpoint_url}.items():
            patch.setenv(name, value)
        create()
    with Faults(cloud.endpoint_url, tmp_path_factory.mktemp("logs")) as faults:
        yield faults


@pytest.fixture(scope="module")
def runs(cloud: Cloud, faults: Faults) -> dict[str, Run]:
    """All cases at once: most of the time of each is waiting."""
    machine, started = cloud.machine(), {}
    for case in CASES.values():
        script = script_of(cloud, faults, case)
        own = cloud.machine(hurried(case)) if case.via == "silence" else machine
        started[case.id] = Run(case, script, cloud.start(own, job(), script))
    return started


def script_of(cloud: Cloud, faults: Faults, case: Case) -> Script:
    """Everything works, but the state of the case: never, or not before only a patient Retry still tries."""
    script = Script()
    function = CALLS.get(case.state, "Dispatch").lower()
    works: Answer = getattr(script, function) or getattr(cloud, f"_{function}")

    def play(asked: dict[str, Any]) -> object:
        tried = attempts(script, case.state)
        if asked not in tried or (is_patient(case) and len(tried) > PATIENT):
            return works(asked)
        faults.meet(case, asked)
        return None

    setattr(script, function, play)
    return script


def hurried(case: Case) -> Callable[[dict[str, Any]], None]:
    """The flow, in which one state waits for a second only."""

    def change(flow: dict[str, Any]) -> None:
        state = dict(states(flow))[case.state]
        state[case.fault] = 1
        if case.fault == "TimeoutSeconds":
            state.pop("HeartbeatSeconds", None)

    return change


def attempts(script: Script, state: str) -> list[dict[str, Any]]:
    """What a state asked for, in its first round."""
    calls = script.calls[CALLS[state]] if state in CALLS else script.stages(CALLBACKS[state])
    return [call for call in calls if call.get("round", 0) == 0]


def most_attempts(state: str, error: str) -> int:
    """How often a state is run that always ends with an error."""
    for retrier in FLOW[state]["Retry"]:
        if retried_as(state, error) in retrier["ErrorEquals"]:
            return 1 + int(retrier["MaxAttempts"])
    return 1


def retried_as(state: str, error: str) -> str | None:
    """The name in a state's Retry that takes an error; None where it is not retried."""
    named = [name for retrier in FLOW[state]["Retry"] for name in retrier["ErrorEquals"]]
    return next((name for name in (error, "States.ALL") if name in named), None)


def is_patient(case: Case) -> bool:
    """Whether no test waits for the end of a Retry: that of busy functions, or that of the job's own end."""
    return most_attempts(case.state, case.error) > PATIENT + 1


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_retried_as_its_retry_says_and_then_caught(
    cloud: Cloud, faults: Faults, runs: dict[str, Run], name: str
) -> None:
    run = runs[name]
    ended = cloud.wait(run.execution)
    if run.case.via == "function":
        assert faults.reported[run.case] == {run.case.error}
    if is_patient(run.case):
        assert len(attempts(run.script, run.case.state)) == PATIENT + 1
        assert ended.status == "SUCCEEDED"
        assert all(attempts(run.script, state) for state in (*CALLS, *CALLBACKS))
    else:
        assert len(attempts(run.script, run.case.state)) == most_attempts(run.case.state, run.case.error)
        assert_caught(run, ended)


def assert_caught(run: Run, ended: Ended) -> None:
    """The state's Catch took the error: the document goes on without it, or fails under its name."""
    later = {state for state in (*CALLS, *CALLBACKS) if attempts(run.script, state)}
    match run.case.state:
        case "Plan the pages" | "Validate the document":
            assert ended.status == "FAILED"
            assert f"the flow stopped with {run.case.error};" in ended.description["cause"]
            return
        case "Turn the pages upright":
            assert not later & CALLBACKS.keys()
        case "Find the text":
            assert "Recognise the text" not in later
        case _:
            assert "Recognise the text" in later
    assert ended.status == "SUCCEEDED"
    assert "Validate the document" in later


@pytest.mark.parametrize("broken", [False, True], ids=["read", "broken"])
def test_a_job_that_cannot_be_concluded_fails_its_execution_and_its_outcome_is_not_lost(
    cloud: Cloud, broken: bool
) -> None:
    def refuse(_: dict[str, Any]) -> None:
        raise FunctionError(TransientError.__name__)

    script, asked = Script(conclude=refuse), job()
    if broken:
        script.validation = refuse
    ended = cloud.run(cloud.machine(), asked, script)
    assert (ended.status, ended.description["error"]) == ("FAILED", "JobNotConcluded")
    assert len(script.calls["Conclude"]) == most_attempts("Conclude the job", TransientError.__name__)
    execution = Execution("FAILED", asked, cause=ended.description["cause"])
    assert execution.outcome(asked).detail_type == ("DocumentFailed" if broken else "DocumentCompleted")


def test_a_map_whose_tolerance_an_operator_lowers_fails_the_document(cloud: Cloud) -> None:
    """As UpdateMapRun may, where batches die of what no Catch takes."""

    def lower(flow: dict[str, Any]) -> None:
        every = dict(states(flow))
        every["Read the batches"]["ToleratedFailurePercentage"] = 0.0
        del every["Turn the pages upright"]["Catch"]

    def rotation(_: dict[str, Any]) -> None:
        raise FunctionError(PermanentError.__name__)

    ended = cloud.run(cloud.machine(lower), job(), Script(rotation=rotation))
    assert ended.status == "FAILED"
    assert "the flow stopped with States.ExceedToleratedFailureThreshold;" in ended.description["cause"]


def test_every_retry_and_catch_of_the_flow_has_its_case() -> None:
    permanent = PermanentError.__name__
    retried = {(case.state, retried_as(case.state, case.error)) for case in CASES.values()}
    caught = {case.state for case in CASES.values() if case.error == permanent}
    caught.add("Read the batches")
    caught.add("Find regions and text")  # it fails with "Find the text"
    entries = [(name, "Retry", clause) for name, state in FLOW.items() for clause in state.get("Retry", ())]
    entries += [(name, "Catch", clause) for name, state in FLOW.items() for clause in state.get("Catch", ())]
    assert {(name, field, error) for name, field, clause in entries for error in clause["ErrorEquals"]} == {
        *((name, "Retry", error) for name, error in retried if error),
        *((name, "Catch", "States.ALL") for name in caught),
    }
