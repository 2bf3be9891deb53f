"""Probes of the seams of Lambda."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local_aws import LocalAws
from local_aws.tests.probes import probe

_BACKEND = "moto.awslambda.models:LambdaBackend"


def _status(functions: Any) -> int:
    """That of a call, which is one of HTTP."""
    try:
        return int(functions.invoke(FunctionName="function")["StatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _created(aws: LocalAws, name: str = "function", **members: Any) -> Any:
    """The client of Lambda, with the record of a function."""
    role = aws.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = aws.client("lambda")
    members |= {"FunctionName": name, "Runtime": "python3.11", "Role": role, "Handler": "app.run"}
    functions.create_function(**members, Code={"S3Bucket": "none", "S3Key": "none"})
    return functions


def _stopped(aws: LocalAws) -> Any:
    """The client of Lambda, with a function that may not run."""
    functions = _created(aws)
    functions.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    return functions


@probe(f"{_BACKEND}.create_function")
def what_cannot_run_is_refused(aws: LocalAws) -> bool:
    try:
        _created(aws, "absent")
    except ClientError as error:
        return "does not serve lambda.CreateFunction of absent" in str(error)
    return False


@probe(f"{_BACKEND}.put_function_concurrency")
def no_concurrency_throttles_each_call(aws: LocalAws) -> bool:
    return _status(_stopped(aws)) == 429


@probe(f"{_BACKEND}.delete_function_concurrency")
def without_a_limit_it_is_called_again(aws: LocalAws) -> bool:
    functions = _stopped(aws)
    functions.delete_function_concurrency(FunctionName="function")
    return _status(functions) == 200


@probe("moto.awslambda.models:LambdaFunction.get_configuration")
def a_configuration_has_its_dead_letter_queue(aws: LocalAws) -> bool:
    target = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    found = _created(aws, DeadLetterConfig=target).get_function_configuration(FunctionName="function")
    return found.get("DeadLetterConfig") == target
