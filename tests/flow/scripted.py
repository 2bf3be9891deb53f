"""The flow without models: a local AWS whose functions of one instance each answer at once, or throttle.

`python -m tests.flow.scripted LOG_DIR` serves it until SIGTERM. Intake, conclude and sweep are the real ones;
what reads documents is played by the handlers below.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

import boto3

from hybrid_ocr.contracts.events import DocumentCompleted, PageCounts
from hybrid_ocr.contracts.jobs import Bundle, Job, Outcome, Plan
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from local_aws import Component, FunctionSpec, LocalAws, Settings
from local_cloud import resources
from local_cloud.cloud import MODULES, SERVICES
from stepfunctions import definition, substituted
from topology import Topology, load_topology

PLAYED: Final = ("paginate", "rotation", "dispatch", "validation")
UNREAD: Final = "unread.pdf"
"""How a document's name ends for which no endpoint ever answers."""


def paginate(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One batch, then nothing."""
    number = event["round"]
    plan = Plan(round=number, expected_pages=1, batches=() if number else ("1",))
    return plan.model_dump(mode="json")


def rotation(event: dict[str, Any], context: object) -> None:
    """The pages are upright."""


def dispatch(event: dict[str, Any], context: object) -> None:
    """The output is there already, or never comes."""
    if not event["job"]["source"].endswith(UNREAD):
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output="{}")


def validation(event: dict[str, Any], context: object) -> dict[str, Any]:
    """All is well."""
    job = Job.model_validate(event["job"])
    read = DocumentCompleted(
        job_id=job.job_id,
        attempt=job.attempt,
        source=job.source,
        test=job.test,
        verdict="accept",
        result=f"s3://results/{job.job_id}/result.json",
        counts=PageCounts(expected=1, read=1, failed=0),
    )
    return Outcome.of(read).model_dump(mode="json")


def one_instance_each(topology: Topology) -> Topology:
    """The topology with the least concurrency that functions can have."""
    functions = {
        name: function.model_copy(update={"concurrency": 1}) for name, function in topology.functions.items()
    }
    return topology.model_copy(update={"functions": functions})


def serve(log_dir: Path) -> None:
    """Serve until SIGTERM; says on standard output how to reach it."""
    names, topology = Names(), one_instance_each(load_topology())
    functions = {
        names.function(name): FunctionSpec(
            handler=f"tests.flow.scripted.{name}" if name in PLAYED else function.handler,
            timeout_seconds=function.timeout_seconds,
            memory_mb=1_024,
            concurrency=function.concurrency,
            environment=topology.environment(name, names),
        )
        for name, function in topology.functions.items()
    }
    component = Component(functions, modules=MODULES, services=SERVICES)
    settings = Settings(log_dir=log_dir, retry_scale=0.05, patience_seconds=0.0, metrics=False)
    with LocalAws(component, settings) as aws:
        machine = {"documents": definition(substituted(names))}
        resources.create(aws.client, topology, names, machine)
        bundles = Bundles(Objects(names.bucket("artifacts"), aws.client("s3")))
        bundle = Bundle.of({}, {})
        bundles.put(bundle)
        bundles.activate({"default": bundle.id})
        told = {"url": aws.endpoint_url, "most_executions": topology.most_executions("documents")}
        print(json.dumps(told), flush=True)
        signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(Path(sys.argv[1]))
