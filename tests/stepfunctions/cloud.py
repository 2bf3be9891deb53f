"""The real flow file in moto's interpreter, its functions played by scripts."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from werkzeug import Request, Response

from hybrid_ocr.contracts.events import EVENT_SOURCE, TEST_SOURCE
from hybrid_ocr.contracts.jobs import ConclusionTask, Job, Outcome, Plan, StageTask
from hybrid_ocr.storage.executions import flow_failure
from local_aws.server import AwsServer
from stepfunctions import definition
from tests.patience import PATIENCE

FUNCTIONS: Final = ("Paginate", "Rotation", "Dispatch", "Validation", "Conclude")
_INVOCATION: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_ACCOUNT: Final = "123456789012"


class FunctionError(Exception):
    """What a scripted function dies of: the class name that Lambda reports."""

    def __init__(self, kind: str, message: str = "scripted") -> None:
        super().__init__(message)
        self.kind = kind


class RefusedError(Exception):
    """The call did not reach the function: an error of the Lambda API; by default, all instances are busy."""

    def __init__(self, code: str = "TooManyRequestsException", status: int = 429) -> None:
        super().__init__(code)
        self.code, self.status = code, status


Answer = Callable[[dict[str, Any]], object]


@dataclass
class Script:
    """The functions of one job; every payload is kept."""

    paginate: Answer = lambda asked: plan(asked["round"], ["1-8"] if asked["round"] == 0 else [])
    rotation: Answer = lambda _: None
    dispatch: Answer | None = None
    validation: Answer = lambda asked: completed(asked["job"])
    conclude: Answer | None = None
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def stages(self, stage: str) -> list[dict[str, Any]]:
        """What dispatch was told about one stage."""
        return [call for call in self.calls["Dispatch"] if call["stage"] == stage]


@dataclass(frozen=True)
class Ended:
    """An execution that has ended: what DescribeExecution says, its history and what was published."""

    description: dict[str, Any]
    history: list[dict[str, Any]]
    production: list[dict[str, Any]]
    test: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.description["status"])

    @property
    def largest_state(self) -> int:
        """Bytes of the largest input or output in the parent's history."""
        details = [event.get(name, {}) for event in self.history for name in _DETAILS]
        return max(len(detail.get(side, "").encode()) for detail in details for side in ("input", "output"))


_DETAILS: Final = (
    "executionStartedEventDetails",
    "executionSucceededEventDetails",
    "stateEnteredEventDetails",
    "stateExitedEventDetails",
    "taskSucceededEventDetails",
)


class Cloud:
    """moto's server with the state machine, a bus and two queues: production's events and the test's."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._stack = ExitStack()
        self._server = self._stack.enter_context(AwsServer())
        self._server.add_route("POST", _INVOCATION, self._invoke)
        self.states = self._server.client("stepfunctions")
        self.bus = "documents"
        self._listen()

    @property
    def endpoint_url(self) -> str:
        """Where it answers."""
        return self._server.endpoint_url

    def stop(self) -> None:
        """Stop serving and forget everything."""
        self._stack.close()

    def machine(self, change: Callable[[dict[str, Any]], None] = lambda flow: None) -> str:
        """A state machine of the real file, or of one that was changed; its ARN."""
        arns = {
            f"{name}Function": f"arn:aws:lambda:us-east-1:{_ACCOUNT}:function:{name}" for name in FUNCTIONS
        }
        flow = json.loads(definition(arns))
        change(flow)
        role = f"arn:aws:iam::{_ACCOUNT}:role/states"
        made = self.states.create_state_machine(
            name=f"documents-{uuid4().hex[:8]}", definition=json.dumps(flow), roleArn=role
        )
        return str(made["stateMachineArn"])

    def _listen(self) -> None:
        """Make the bus, and a queue for each of the two sources."""
        events, sqs = self._server.client("events"), self._server.client("sqs")
        events.create_event_bus(Name=self.bus)
        for kind, source in (("production", EVENT_SOURCE), ("test", TEST_SOURCE)):
            name = f"{self.bus}-{kind}"
            sqs.create_queue(QueueName=name)
            pattern = json.dumps({"source": [source]})
            events.put_rule(Name=name, EventBusName=self.bus, EventPattern=pattern)
            target = {"Id": kind, "Arn": f"arn:aws:sqs:us-east-1:{_ACCOUNT}:{name}"}
            events.put_targets(Rule=name, EventBusName=self.bus, Targets=[target])

    def start(self, machine: str, job: Job, script: Script) -> str:
        """Start the execution of a job; its ARN."""
        self._scripts[job.job_id] = script
        started = self.states.start_execution(
            stateMachineArn=machine, name=job.execution_name, input=job.model_dump_json()
        )
        return str(started["executionArn"])

    def wait(self, execution: str, seconds: float = PATIENCE) -> Ended:
        """Wait until an execution has ended; what it left."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            described = self.states.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
                history = [event for page in pages for event in page["events"]]
                job_id = json.loads(described["input"])["job_id"]
                return Ended(
                    described, history, self._heard("production", job_id), self._heard("test", job_id)
                )
            time.sleep(0.01)
        raise AssertionError(f"{execution} has not ended")

    def run(self, machine: str, job: Job, script: Script) -> Ended:
        """Start and wait."""
        return self.wait(self.start(machine, job, script))

    def _heard(self, kind: str, job_id: str) -> list[dict[str, Any]]:
        """Events about a job, left in their queue."""
        sqs = self._server.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.bus}-{kind}")["QueueUrl"]
        found: list[dict[str, Any]] = []
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2).get(
            "Messages"
        ):
            found += [json.loads(message["Body"]) for message in received]
        return [event for event in found if event["detail"]["job_id"] == job_id]

    def _invoke(self, request: Request, match: re.Match[str]) -> Response:
        name = match[1].rpartition(":")[2]
        payload = json.loads(request.get_data())
        script = self._scripts[payload["job"]["job_id"]]
        script.calls[name].append(payload)
        play = getattr(script, name.lower()) or getattr(self, f"_{name.lower()}")
        try:
            return Response(json.dumps(play(payload)), mimetype="application/json")
        except RefusedError as refused:
            headers = {"x-amzn-ErrorType": refused.code, "x-amzn-RequestId": uuid4().hex}
            return Response('{"message": "scripted"}', refused.status, headers)
        except FunctionError as fault:
            body = json.dumps({"errorMessage": str(fault), "errorType": fault.kind, "stackTrace": []})
            return Response(body, headers={"X-Amz-Function-Error": "Unhandled"})

    def _dispatch(self, task: dict[str, Any]) -> None:
        self.succeed(task)

    def _conclude(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Publish the outcome; what lasts of a job is not played here."""
        task = ConclusionTask.model_validate(asked)
        failure = flow_failure(str(task.failure), task.job.execution_name)
        outcome = task.outcome or Outcome.failed(task.job, failure)
        entry = {
            "Source": outcome.source,
            "DetailType": outcome.detail_type,
            "Detail": json.dumps(outcome.detail),
            "EventBusName": self.bus,
        }
        self._server.client("events").put_events(Entries=[entry])
        return outcome.model_dump(mode="json")

    def succeed(self, task: Mapping[str, Any]) -> None:
        """Dispatch where the output lies there already: the callback comes at once."""
        self.states.send_task_success(taskToken=StageTask.model_validate(task).token, output="{}")

    def fail(self, task: Mapping[str, Any], error: str, cause: str = "{}") -> None:
        """The callback of a stage that failed."""
        self.states.send_task_failure(taskToken=task["token"], error=error, cause=cause)


def job(**changes: object) -> Job:
    """A job nobody else has."""
    told = {"job_id": uuid4().hex, "source": "s3://inbox-bucket/inbox/a.pdf", "etag": "e", "bundle": "0" * 16}
    return Job.model_validate({**told, **changes})


def plan(number: int, batches: Iterable[str], error: dict[str, Any] | None = None) -> dict[str, Any]:
    """A plan as paginate answers."""
    return Plan.model_validate(
        {"round": number, "expected_pages": 8, "batches": tuple(batches), "error": error}
    ).model_dump(mode="json")


def completed(job: dict[str, Any]) -> dict[str, Any]:
    """An outcome as validation answers for a document that was read."""
    detail = {name: job[name] for name in ("job_id", "source", "test")} | {
        "schema_version": "1.0",
        "verdict": "accept",
        "result": f"s3://results-bucket/results/{job['job_id']}/1/result.json",
        "counts": {"expected": 8, "read": 8, "failed": 0},
    }
    source = TEST_SOURCE if job["test"] else EVENT_SOURCE
    return {"detail_type": "DocumentCompleted", "source": source, "detail": detail}
