"""Probes of the seams of Lambda."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from botocore.exceptions import ClientError

from local_aws import LocalAws
from local_aws.tests.probes import probe

_BACKEND = "moto.awslambda.models:LambdaBackend"
_FUNCTION = "moto.awslambda.models:LambdaFunction"


def _zip(answer: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("app.py", f"def run(event, context): return {answer!r}")
    return archive.getvalue()


def _created(aws: LocalAws, **members: Any) -> Any:
    """The client of Lambda, with a function that answers "old"."""
    role = aws.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Role=role,
        Handler="app.run",
        Timeout=30,
        Code={"ZipFile": _zip("old")},
        **members,
    )
    return functions


def _answer(functions: Any) -> object:
    """What the function answers; the code of the error where it cannot be called."""
    try:
        return json.load(functions.invoke(FunctionName="f")["Payload"])
    except ClientError as error:
        return error.response["Error"]["Code"]


@probe(f"{_BACKEND}.create_function")
def a_zip_file_runs(aws: LocalAws) -> bool:
    return _answer(_created(aws)) == "old"


@probe(f"{_BACKEND}.update_function_code")
def new_code_runs(aws: LocalAws) -> bool:
    functions = _created(aws)
    functions.update_function_code(FunctionName="f", ZipFile=_zip("new"))
    return _answer(functions) == "new"


@probe(f"{_BACKEND}.update_function_configuration")
def a_new_configuration_counts(aws: LocalAws) -> bool:
    functions = _created(aws)
    functions.update_function_configuration(FunctionName="f", Handler="app.absent")
    answer = _answer(functions)
    return isinstance(answer, dict) and answer["errorType"] == "Runtime.HandlerNotFound"


@probe(f"{_BACKEND}.delete_function")
def a_deleted_function_is_not_called(aws: LocalAws) -> bool:
    functions = _created(aws)
    functions.delete_function(FunctionName="f")
    return _answer(functions) == "ResourceNotFoundException"


@probe(f"{_BACKEND}.put_function_concurrency")
def no_concurrency_throttles_each_call(aws: LocalAws) -> bool:
    functions = _created(aws)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    return _answer(functions) == "TooManyRequestsException"


@probe(f"{_BACKEND}.delete_function_concurrency")
def without_a_limit_it_is_called_again(aws: LocalAws) -> bool:
    functions = _created(aws)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    functions.delete_function_concurrency(FunctionName="f")
    return _answer(functions) == "old"


@probe(f"{_FUNCTION}.get_configuration")
def a_configuration_has_its_dead_letter_queue(aws: LocalAws) -> bool:
    target = {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"}
    functions = _created(aws, DeadLetterConfig=target)
    return functions.get_function_configuration(FunctionName="f").get("DeadLetterConfig") == target
