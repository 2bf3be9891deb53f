"""The handlers as Lambda calls them: dispatch, resume and sweep over the same table, bucket and states."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.flow_errors import PermanentError
from hybrid_ocr.storage.tickets import Tickets
from tests.functions.component import Component, bundle, records, stage_task
from tests.functions.conftest import Call, cold_start
from tests.functions.context import Context
from tests.functions.fakes import Clock, Endpoint, Shelf, States


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    """The waiting states, in the place of Step Functions."""
    states = States({"token"})
    monkeypatch.setattr("hybrid_ocr.storage.tasks.Tasks", lambda: states)
    return states


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, load: Callable[[str], Call], states: States) -> Endpoint:
    """The asynchronous endpoint that dispatch speaks to."""
    endpoint = Endpoint(Shelf(Clock()), Clock())
    load("dispatch")
    module = importlib.import_module("lambdas.dispatch.handler")
    monkeypatch.setattr(module.asynchronous, "_runtime", endpoint)
    return endpoint


def dispatch(task: Any) -> None:
    module = importlib.import_module("lambdas.dispatch.handler")
    module.handler(task.model_dump(mode="json"), Context())


def notice(status: str, **told: Any) -> str:
    """A message of SageMaker in the envelope of SNS."""
    message = {
        "invocationStatus": status,
        "inferenceId": keys.inference_id(stage_task("token").batch, "ocr"),
        "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "requestParameters": {"endpointName": "ocr"},
        "eventVersion": "1.0",
        **told,
    }
    return json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(message)})


def metrics(out: str) -> dict[str, float]:
    """The values of the metrics among the lines of a function's log."""
    told: dict[str, float] = {}
    for line in out.splitlines():
        values = json.loads(line)
        for group in values.get("_aws", {}).get("CloudWatchMetrics", []):
            told |= {metric["Name"]: sum(values[metric["Name"]]) for metric in group["Metrics"]}
    return told


def test_a_notice_lets_the_state_go_on(
    component: Component, load: Callable[[str], Call], endpoint: Endpoint, states: States, tickets: Tickets
) -> None:
    dispatch(stage_task("token"))
    component.work.put(keys.output_key(stage_task("token").batch, "ocr"), b"output", "application/msgpack")
    resume = load("resume")
    assert resume(records(notice("Completed"), notice("Completed"))) == {"batchItemFailures": []}
    assert states.succeeded == {"token": 1}
    assert list(tickets.open_ids()) == []


def test_a_lost_notice_costs_one_sweep(
    component: Component,
    endpoint: Endpoint,
    states: States,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(5):
        states.waiting.add(f"token-{number}")
        dispatch(task := stage_task(f"token-{number}", number))
        if number:
            component.work.put(keys.output_key(task.batch, "ocr"), b"output", "application/msgpack")
    capsys.readouterr()
    cold_start("sweep", seconds=11)({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    assert set(states.succeeded) == {f"token-{number}" for number in range(1, 5)}
    assert set(states.heartbeats) == {"token-0"}
    told = metrics(capsys.readouterr().out)
    assert (told["OpenTickets"], told["RecoveredTickets"], told["ExpiredTickets"]) == (5, 4, 0)
    assert told["OldestTicketSeconds"] > 0


def test_a_notice_of_a_failure_is_enough(
    component: Component, load: Callable[[str], Call], endpoint: Endpoint, states: States
) -> None:
    dispatch(stage_task("token"))
    load("resume")(records(notice("Failed", failureReason="ClientError: no answer")))
    assert states.failed["token"].retryable
    assert component.work.exists(keys.error_key(stage_task("token").batch, "ocr"))


@pytest.mark.parametrize(
    "body",
    ["no JSON", "[]", '{"Message": "{}"}', notice("Sleeping")],
    ids=["no JSON", "no object", "no notice in it", "a status that is none"],
)
def test_what_is_no_notice_comes_back(load: Callable[[str], Call], states: States, body: str) -> None:
    answer = load("resume")(records(notice("Completed"), body))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_what_dispatch_cannot_do_is_an_error_that_is_not_retried(
    component: Component, endpoint: Endpoint, states: States
) -> None:
    task = stage_task("token")
    unknown = task.model_copy(update={"job": task.job.model_copy(update={"bundle": "f" * 16})})
    with pytest.raises(PermanentError, match="ARTIFACT_NOT_FOUND"):
        dispatch(unknown)


def test_an_endpoint_that_writes_elsewhere_is_found_out(
    component: Component, endpoint: Endpoint, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = endpoint.invoke_endpoint_async
    elsewhere = {"OutputLocation": "s3://elsewhere/out", "InferenceId": "i"}
    monkeypatch.setattr(endpoint, "invoke_endpoint_async", lambda **asked: {**ask(**asked), **elsewhere})
    with pytest.raises(PermanentError, match="CONFIGURATION_INVALID"):
        dispatch(stage_task("token"))


def test_the_bundle_says_how_an_endpoint_is_spoken_to(
    component: Component, endpoint: Endpoint, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    component.artifacts.write(keys.bundle_key(bundle().id), bundle("realtime"))
    module = importlib.import_module("lambdas.dispatch.handler")
    asked: list[tuple[str, float]] = []

    def read(task: Any, name: str, seconds: float) -> bool:
        asked.append((name, seconds))
        return True

    monkeypatch.setattr(module.realtime, "dispatch", read)
    dispatch(stage_task("token"))
    [(name, seconds)] = asked
    assert name == "ocr"
    assert 0 < seconds < 60, "it ends before the function does"
