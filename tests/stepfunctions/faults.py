"""The errors that really reach the states of the flow, and what raises them.

Our own come through the real host of a function, or through a ticket that is settled; a function that hangs,
dies or is throttled does so in the local function pool. What only AWS itself can raise is answered under the
name that AWS documents:
https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from hybrid_ocr.contracts.flow_errors import EngineError, PermanentError, TransientError
from local_aws.functions import FunctionPool, FunctionSpec, InvokeRefused
from stepfunctions import definition
from tests.functions.component import ENVIRONMENT
from tests.patience import PATIENCE
from tests.stepfunctions.cloud import FUNCTIONS, FunctionError, RefusedError

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
"""Refusals of Lambda, and faults of the client with which Step Functions calls it; status of HTTP."""
REPORTED: Final = ("Lambda.Unknown", "Runtime.OutOfMemory")
"""What Lambda reports of a function whose process ended."""


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a machine by its name, those of its branches and maps too."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from states(inner)


FLOW: Final = dict(states(json.loads(definition({f"{name}Function": name for name in FUNCTIONS}))))
CALLBACKS: Final = {
    name: str(state["Parameters"]["Payload"]["stage"])
    for name, state in FLOW.items()
    if state.get("Resource", "").endswith(".waitForTaskToken")
}
"""The states that wait for an endpoint, with their stage."""
CALLS: Final = {
    name: str(state["Parameters"]["FunctionName"])
    for name, state in FLOW.items()
    if state.get("Resource", "").endswith(":lambda:invoke")
}
"""The states that wait for a function, with its name."""
WITH_NETWORK: Final = {*CALLBACKS, *(name for name, function in CALLS.items() if function == "Rotation")}


@dataclass(frozen=True)
class Case:
    """An error in a state.

    Args:
        state: its name in the flow file.
        error: the name of the error.
        fault: which of the faults above raises it; of silence the field of the state that ends it.
        via: how it gets to the state.
    """

    state: str
    error: str
    fault: str
    via: Literal["function", "ticket", "refusal", "report", "silence"]

    @property
    def id(self) -> str:
        return f"{self.state}: {self.error} ({self.via} {self.fault})"


def _cases() -> Iterator[Case]:
    for state in (*CALLS, *CALLBACKS):
        for fault, (_, error) in POOL.items():
            if error != EngineError.__name__ or state in WITH_NETWORK:
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


CASES: Final = {case.id: case for case in _cases()}


class Faults:
    """Raises the errors of cases; a context manager.

    Args:
        endpoint_url: of the AWS in which tickets are settled.
        log_dir: gets the logs of the functions.
    """

    def __init__(self, endpoint_url: str, log_dir: Path) -> None:
        functions = {fault: _spec(handler, fault) for fault, (handler, _) in POOL.items()}
        functions |= {f"settle-{fault}": _spec("settle", fault) for fault in SETTLED}
        self._pool = FunctionPool(functions, log_dir, endpoint_url=endpoint_url, patience_seconds=0)
        self._over = threading.Event()
        self.reported: dict[Case, set[str]] = defaultdict(set)
        """Under which names calls of functions failed."""

    def __enter__(self) -> Faults:
        self._pool.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.__exit__()

    def meet(self, case: Case, asked: dict[str, Any]) -> None:
        """Fail as a case says; answer where a ticket or silence is to end the state."""
        match case.via:
            case "function":
                self._call(case, case.fault, asked)
            case "ticket":
                self._call(case, f"settle-{case.fault}", asked)
            case "refusal":
                raise RefusedError(case.error.removeprefix("Lambda."), REFUSALS[case.error])
            case "report":
                raise FunctionError(case.error)
            case "silence":
                if case.state in CALLS:
                    self._over.wait()

    def _call(self, case: Case, function: str, asked: dict[str, Any]) -> None:
        try:
            done = self._pool.invoke(function, json.dumps(asked).encode())
        except InvokeRefused as refused:
            self.reported[case].add(f"Lambda.{refused.code}")
            raise RefusedError(refused.code, refused.status) from None
        if done.error is not None:
            self.reported[case].add(done.error)
            raise FunctionError(done.error, done.payload.decode())


def _spec(handler: str, fault: str) -> FunctionSpec:
    return FunctionSpec(
        f"{HANDLERS}.{handler}",
        timeout_seconds=0.2 if fault == "hang" else PATIENCE,
        memory_mb=512,
        concurrency=0 if fault == "busy" else len(CALLS) + len(CALLBACKS),
        environment={**ENVIRONMENT, "FAULT": fault},
    )
