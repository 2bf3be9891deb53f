"""Each Retry and Catch of the flow file, reached by the error that it is there for.

Our own errors come through the real host of a function, or through a ticket that is settled; a function
that hangs, dies or is throttled does so in the local function pool. What only AWS itself can raise is
answered under the name that AWS documents:
https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from hybrid_ocr.contracts.flow_errors import EngineError, PermanentError, TransientError
from local_cloud.functions import FunctionPool, FunctionSpec, InvokeRefused
from stepfunctions import definition
from tests.functions.component import ENVIRONMENT, create
from tests.patience import PATIENCE
from tests.stepfunctions.cloud import (
    FUNCTIONS,
    Answer,
    Cloud,
    Ended,
    FunctionError,
    RefusedError,
    Script,
    job,
)

PATIENT: Final = 6
"""Failures that only the Retry of busy functions bears."""

STATES: Final = {
    "Plan the pages": "Paginate",
    "Turn the pages upright": "Rotation",
    "Find the regions": "region_detection",
    "Find the text": "text_detection",
    "Recognise the text": "ocr",
    "Validate the document": "Validation",
}
"""Each task, with its function or the stage that it asks dispatch for."""
CALLBACKS: Final = tuple(state for state, function in STATES.items() if function not in FUNCTIONS)
NETWORKS: Final = ("Turn the pages upright", *CALLBACKS)

HANDLERS: Final = "tests.stepfunctions.handlers"
POOL: Final = {
    "capacity": ("fail", TransientError.__name__),
    "engine": ("fail", EngineError.__name__),
    "loading": ("fail", EngineError.__name__),
    "document": ("fail", PermanentError.__name__),
    "hang": ("hang", "Sandbox.Timedout"),
    "die": ("die", "Runtime.ExitError"),
    "busy": ("hang", "Lambda.TooManyRequestsException"),
}
"""Functions of the pool: the handler, and what becomes of a call."""
SETTLED: Final = {
    "capacity": TransientError.__name__,
    "late": TransientError.__name__,
    "engine": EngineError.__name__,
    "gone": EngineError.__name__,
    "document": PermanentError.__name__,
}
"""How an invocation of an endpoint ends, and what its ticket tells the state."""
REFUSALS: Final = {
    "Lambda.CodeArtifactUserPendingException": 409,
    "Lambda.ResourceNotReadyException": 502,
    "Lambda.ServiceException": 500,
    "Lambda.AWSLambdaException": 500,
    "Lambda.SdkClientException": 500,
    "Lambda.ClientExecutionTimeoutException": 500,
}
"""Lambda's refusals, and faults of the client by which Step Functions calls it; status of HTTP."""
REPORTED: Final = ("Lambda.Unknown", "Runtime.OutOfMemory")
"""Reported of a function whose process ended, by Lambda and not by the function."""


@dataclass(frozen=True)
class Case:
    """An error in a state.

    Args:
        state: its name in the flow file.
        error: the name of the error.
        fault: which of the faults above raises it.
        via: how the fault gets to the state.
    """

    state: str
    error: str
    fault: str
    via: str

    @property
    def id(self) -> str:
        return f"{self.state}: {self.error} ({self.via} {self.fault})"


def cases() -> Iterator[Case]:
    for state in STATES:
        for fault, (_, error) in POOL.items():
            if error != EngineError.__name__ or state in NETWORKS:
                yield Case(state, error, fault, "function")
        for error in REFUSALS:
            yield Case(state, error, error, "refusal")
        for error in REPORTED:
            yield Case(state, error, error, "report")
        yield Case(state, "States.Timeout", "TimeoutSeconds", "silence")
    for state in CALLBACKS:
        yield Case(state, "States.HeartbeatTimeout", "HeartbeatSeconds", "silence")
        for fault, error in SETTLED.items():
            yield Case(state, error, fault, "ticket")


CASES: Final = {case.id: case for case in cases()}


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a machine by its name, those of its branches and maps too."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from states(inner)


FLOW: Final = dict(
    states(json.loads(definition({**{f"{name}Function": name for name in FUNCTIONS}, "EventBus": "bus"})))
)


def most_attempts(state: str, error: str) -> int:
    """How often a state is run that always ends with an error."""
    for retrier in FLOW[state]["Retry"]:
        if error in retrier["ErrorEquals"]:
            return 1 + int(retrier["MaxAttempts"])
    return 1


def is_patient(case: Case) -> bool:
    """Whether the Retry is that of busy functions, whose end no test waits for."""
    return most_attempts(case.state, case.error) > PATIENT + 1


class Faults:
    """Raises the faults of cases."""

    def __init__(self, pool: FunctionPool) -> None:
        self._pool = pool
        self.released = threading.Event()

    def raise_for(self, case: Case, asked: dict[str, Any]) -> None:
        """Fail as a case says; where that is by a ticket or by silence, answer."""
        match case.via:
            case "function":
                self._call(case.fault, asked)
            case "ticket":
                self._call(f"settle-{case.fault}", asked)
            case "refusal":
                raise RefusedError(case.fault.removeprefix("Lambda."), REFUSALS[case.fault])
            case "report":
                raise FunctionError(case.fault)
            case "silence" if case.state not in CALLBACKS:
                self.released.wait()

    def _call(self, function: str, asked: dict[str, Any]) -> None:
        try:
            done = self._pool.invoke(function, json.dumps(asked).encode())
        except InvokeRefused as refused:
            raise RefusedError(refused.code, refused.status) from None
        if done.error is not None:
            raise FunctionError(done.error, done.payload.decode())


@pytest.fixture(scope="module")
def faults(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": cloud.endpoint_url}.items():
            patch.setenv(name, value)
        create()
    functions = {fault: spec(handler, fault) for fault, (handler, _) in POOL.items()} | {
        f"settle-{fault}": spec("settle", fault) for fault in SETTLED
    }
    with FunctionPool(
        functions, tmp_path_factory.mktemp("logs"), endpoint_url=cloud.endpoint_url, patience_seconds=PATIENCE
    ) as pool:
        faults = Faults(pool)
        try:
            yield faults
        finally:
            faults.released.set()


def spec(handler: str, fault: str) -> FunctionSpec:
    return FunctionSpec(
        f"{HANDLERS}.{handler}",
        timeout_seconds=0.2 if fault == "hang" else PATIENCE,
        memory_mb=512,
        concurrency=0 if fault == "busy" else 2,
        environment={**ENVIRONMENT, "FAULT": fault},
    )


@dataclass
class Run:
    """An execution in which one state meets its fault."""

    case: Case
    script: Script
    execution: str

    @property
    def attempts(self) -> int:
        """How often the state of the case was run."""
        return len(asked_of(self.script, self.case.state))


def asked_of(script: Script, state: str) -> list[dict[str, Any]]:
    function = STATES[state]
    calls = script.calls[function] if function in FUNCTIONS else script.stages(function)
    return [call for call in calls if function != "Paginate" or call["round"] == 0]


def script_of(cloud: Cloud, faults: Faults, case: Case) -> Script:
    """Everything works, but the one state of the case: always, or as often as only a patient Retry bears."""
    script = Script()
    function = STATES[case.state] if STATES[case.state] in FUNCTIONS else "Dispatch"
    works: Answer = getattr(script, function.lower()) or cloud.succeed

    def play(asked: dict[str, Any]) -> object:
        concerned = asked in asked_of(script, case.state)
        if not concerned or (is_patient(case) and len(asked_of(script, case.state)) > PATIENT):
            return works(asked)
        faults.raise_for(case, asked)
        return None

    setattr(script, function.lower(), play)
    return script


def hurried(case: Case) -> Callable[[dict[str, Any]], None]:
    """The flow, in which one state waits for a second only."""

    def change(flow: dict[str, Any]) -> None:
        state = dict(states(flow))[case.state]
        state[case.fault] = 1
        if case.fault == "TimeoutSeconds":
            state.pop("HeartbeatSeconds", None)

    return change


@pytest.fixture(scope="module")
def runs(cloud: Cloud, faults: Faults) -> dict[str, Run]:
    """All cases at once: most of the time of each is waiting."""
    machine, started = cloud.machine(), {}
    for case in CASES.values():
        script = script_of(cloud, faults, case)
        own = cloud.machine(hurried(case)) if case.via == "silence" else machine
        started[case.id] = Run(case, script, cloud.start(own, job(), script))
    return started


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_retried_as_its_retry_says_and_then_caught(
    cloud: Cloud, runs: dict[str, Run], name: str
) -> None:
    run = runs[name]
    ended = cloud.wait(run.execution)
    if is_patient(run.case):
        assert run.attempts == PATIENT + 1
        assert ended.status == "SUCCEEDED"
        assert all(asked_of(run.script, state) for state in STATES)
        return
    assert run.attempts == most_attempts(run.case.state, run.case.error)
    assert_caught(run, ended)


def assert_caught(run: Run, ended: Ended) -> None:
    """The state's Catch took the error: the document goes on without it, or fails under its name."""
    later = {state for state in STATES if asked_of(run.script, state)}
    match run.case.state:
        case "Plan the pages" | "Validate the document":
            assert ended.status == "FAILED"
            assert f"the flow stopped with {run.case.error};" in ended.description["cause"]
            return
        case "Turn the pages upright":
            assert not later & set(CALLBACKS)
        case "Find the text":
            assert "Recognise the text" not in later
        case "Find the regions":
            assert "Recognise the text" in later
    assert ended.status == "SUCCEEDED"
    assert "Validate the document" in later


def test_an_outcome_that_the_bus_refuses_is_tried_again_and_then_fails_the_execution(cloud: Cloud) -> None:
    ended = cloud.run(cloud.machine(bus="no-such-bus"), job(), Script())
    assert ended.description["error"] == "OutcomeNotPublished"
    refused = [event for event in ended.history if event["type"] == "TaskFailed"]
    assert len(refused) == most_attempts("Publish the outcome", "States.ALL")


def test_a_map_whose_tolerance_an_operator_lowers_fails_the_document(cloud: Cloud) -> None:
    """As UpdateMapRun may; what a batch then dies of is an error that no Catch takes."""

    def lower(flow: dict[str, Any]) -> None:
        every = dict(states(flow))
        every["Read the batches"]["ToleratedFailurePercentage"] = 0
        del every["Turn the pages upright"]["Catch"]

    def rotation(_: dict[str, Any]) -> None:
        raise FunctionError(PermanentError.__name__)

    ended = cloud.run(cloud.machine(lower), job(), Script(rotation=rotation))
    assert ended.status == "FAILED"
    assert "the flow stopped with States.ExceedToleratedFailureThreshold;" in ended.description["cause"]


def test_every_retry_and_catch_of_the_flow_has_its_case() -> None:
    retried = {
        (case.state, case.error) for case in CASES.values() if most_attempts(case.state, case.error) > 1
    }
    caught = {case.state for case in CASES.values() if case.error == PermanentError.__name__}
    retried |= {("Publish the outcome", "States.ALL")}
    caught |= {
        "Publish the outcome",
        "Read the batches",
        "Find regions and text",
    }  # the last by "Find the text"
    entries = {
        (name, error)
        for name, state in FLOW.items()
        for retrier in state.get("Retry", [])
        for error in retrier["ErrorEquals"]
    }
    catches = [
        (name, catcher["ErrorEquals"]) for name, state in FLOW.items() for catcher in state.get("Catch", [])
    ]
    assert entries == retried
    assert sorted(catches) == sorted((name, ["States.ALL"]) for name in caught)
