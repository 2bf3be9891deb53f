"""The functions: one starts an execution for each letter, the other asks the endpoint about it."""

from __future__ import annotations

import json
from typing import Any

import boto3

LETTERS = "arn:aws:states:us-east-1:123456789012:stateMachine:letters"


def start(event: dict[str, Any], _context: object) -> None:
    """Start an execution for each message of the queue."""
    for record in event["Records"]:
        letter = json.loads(record["body"])["detail"]["object"]
        asked = json.dumps({"key": letter["key"]})
        boto3.client("stepfunctions").start_execution(
            stateMachineArn=LETTERS, name=letter["sequencer"], input=asked
        )


def judge(event: dict[str, str], _context: object) -> dict[str, Any]:
    """Ask the endpoint about a letter and put its answer beside it."""
    s3, key = boto3.client("s3"), event["key"]
    letter = s3.get_object(Bucket="letters", Key=key)["Body"].read()
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="judge", ContentType="text/plain", Body=letter
    )
    judged: dict[str, Any] = json.load(answer["Body"])
    s3.put_object(Bucket="letters", Key=key.removesuffix(".txt") + ".json", Body=json.dumps(judged).encode())
    return judged
