"""Handlers for the tests, each with what a function may do."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3

GREETING = os.environ.get("GREETING", "hello")
_calls = 0


class TransientError(Exception):
    """Named as the flow names what a retry may heal."""


def echo(event, context):
    global _calls  # noqa: PLW0603 - what a warm instance remembers
    _calls += 1
    return {
        "event": event,
        "greeting": GREETING,
        "calls": _calls,
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "context": {
            "function_name": context.function_name,
            "invoked_function_arn": context.invoked_function_arn,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "aws_request_id": context.aws_request_id,
            "log_group_name": context.log_group_name,
        },
        "remaining": context.get_remaining_time_in_millis(),
    }


def fail(event, context):
    raise TransientError(event["why"])


def sleep(event, context):
    """Take so many seconds; leave a line in `mark`; wait until it has `lines`, and until `gate` is there."""
    mark = Path(event["mark"]) if event.get("mark") else None
    if mark:
        with mark.open("a") as file:
            file.write(f"{os.getpid()}\n")
    time.sleep(event["seconds"])
    while mark and len(mark.read_text().splitlines()) < event.get("lines", 0):
        time.sleep(0.005)
    while event.get("gate") and not Path(event["gate"]).exists():
        time.sleep(0.005)
    return os.getpid()


def leave(event, context):
    """End the process as the event asks."""
    match event:
        case {"signal": number}:
            os.kill(os.getpid(), number)
            signal.pause()
        case {"exit": status}:
            os._exit(status)
        case {"system_exit": status}:
            sys.exit(status)


def grow(event, context):
    kept = bytearray(event["mb"] << 20)
    kept[::4096] = b"x" * len(kept[::4096])
    time.sleep(10)


def big(event, context):
    return "x" * event["bytes"]


def odd(event, context):
    return object()


def speak(event, context):
    print(event["line"])
    print("aside", file=sys.stderr)


def measure(event, context):
    metrics = [
        {"Name": "pages", "Unit": "Count"},
        {"Name": "seconds", "Unit": "Seconds", "StorageResolution": 1},
    ]
    directive = {"Namespace": "HybridOCR", "Dimensions": [["service"]], "Metrics": metrics}
    about = {"Timestamp": 1_700_000_000_000, "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": about, "service": "paginate", "pages": 3, "seconds": [0.5, 0.25]}))


def family(event, context):
    """Start a child that would outlive the instance, and hang."""
    child = subprocess.Popen(["sleep", "60"])
    Path(event["mark"]).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(60)


def client(event, context):
    s3, secrets = boto3.client("s3"), boto3.Session().get_credentials()
    return [s3.meta.endpoint_url, s3.meta.region_name, secrets.access_key]


def mute(event, context):
    for descriptor in (1, 2):
        os.close(descriptor)
    time.sleep(event["seconds"])
    return "done"


def flaky(event, context):
    """Fail until it was called as often as the event asks."""
    path = Path(event["mark"])
    calls = int(path.read_text()) + 1 if path.exists() else 1
    path.write_text(str(calls))
    if calls < event["succeeds_at"]:
        raise TransientError("not yet")


def forward(event, context):
    queue = boto3.resource("sqs").get_queue_by_name(QueueName="forwarded")
    for record in event["Records"]:
        queue.send_message(MessageBody=record.get("body") or record["Sns"]["Message"])
