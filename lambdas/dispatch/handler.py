"""Handler of dispatch: a StageTask in; the state that sent it goes on when its token is answered."""

from __future__ import annotations

import boto3

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import StageTask
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.settle import Settler
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Tickets
from lambdas.dispatch.asynchronous import AsyncDispatch
from lambdas.dispatch.realtime import RUNTIME_CONFIG, RealtimeDispatch
from lambdas.dispatch.settings import DispatchSettings

MARGIN_SECONDS = 5.0
"""Left of an invocation's time for the output to be written."""

host = FunctionHost("dispatch")
settings = load_settings(DispatchSettings)
work = Objects(settings.work_bucket)
bundles = Bundles(work.at(settings.artifacts_bucket))
tasks = Tasks()
tickets = Tickets(settings.tickets_table)
runtime = boto3.client("sagemaker-runtime", config=RUNTIME_CONFIG)
asynchronous = AsyncDispatch(
    tickets,
    Settler(tickets, tasks, work),
    work,
    runtime,
    invocation_timeout_seconds=settings.invocation_timeout_seconds,
    request_ttl_seconds=settings.request_ttl_seconds,
)
realtime = RealtimeDispatch(
    work,
    tasks,
    runtime,
    max_body_bytes=settings.max_body_bytes,
    parallel_bodies=settings.parallel_bodies,
)


@host.task(StageTask)
def handler(task: StageTask) -> None:
    """Hand a stage of a batch to the endpoint that its bundle names."""
    endpoint = bundles.get(task.job.bundle).endpoints.get(task.stage)
    if endpoint is None:
        raise ConfigurationError(f"bundle {task.job.bundle} has no endpoint for {task.stage}")
    if endpoint.mode == "realtime":
        seconds = min(settings.realtime_seconds, host.remaining_seconds - MARGIN_SECONDS)
        if not realtime.dispatch(task, endpoint.name, seconds):
            host.count("StaleTokens")
        done = "read"
    else:
        done = asynchronous.dispatch(task, endpoint.name)
    host.count("Dispatches", stage=task.stage, done=done)
