"""Functions as moto's records have them: zip files in Python run; what would only seem to work is refused.

A function whose code is on this machine runs as it was given until its configuration is updated; its
concurrency is never more than was given.
"""

from __future__ import annotations

import io
import re
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.s3.models import s3_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.functions.model import FunctionSpec
from local_aws.functions.pool import FunctionPool
from local_aws.seams import Seams

SEAMS: Final = Seams()
_BACKEND: Final = "moto.awslambda.models:LambdaBackend"
_FUNCTION: Final = "moto.awslambda.models:LambdaFunction"
_UNRESERVED: Final = 10
"""Instances of a function with no reserved concurrency. Lambda has a thousand; this machine has not."""

_MOST_UNPACKED_BYTES: Final = 250 * 2**20
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_UNSERVED: Final = (
    *("Layers", "FileSystemConfigs", "SnapStart", "Publish", "PublishTo", "ImageConfig", "LoggingConfig"),
    *("TenancyConfig", "CapacityProviderConfig", "DurableConfig", "AcceleratorConfig"),
)
_DEFAULTS: Final = ({"ApplyOn": "None"}, {"LogFormat": "Text"})
_unpacking = threading.Lock()


@SEAMS.replaces(f"{_BACKEND}.create_function")
def _create_function(
    pool: FunctionPool, original: Callable[..., LambdaFunction], backend: LambdaBackend, spec: dict[str, Any]
) -> LambdaFunction:
    name = str(spec.get("FunctionName"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise _refused(f"The name of a function has up to 64 letters, digits, - and _: {name[:100]!r}.")
    _check(spec)
    function = original(backend, spec)
    try:
        _define(pool, function, {})
    except JsonRESTError:
        backend.delete_function(name)
        raise
    function.dead_letter_arn = _dead_letter_arn(spec)
    return function


@SEAMS.replaces(f"{_BACKEND}.update_function_code")
@SEAMS.replaces(f"{_BACKEND}.update_function_configuration")
def _update_function(
    pool: FunctionPool,
    original: Callable[..., Any],
    backend: LambdaBackend,
    function_name: str,
    qualifier: str,
    body: dict[str, Any],
) -> Any:
    _check(body)
    function = backend.get_function(function_name, qualifier)
    if function.function_name in pool.given and {"ZipFile", "S3Key", "ImageUri"} & body.keys():
        raise _refused(f"The code of {function.function_name} is on this machine: change it there.")
    if "Environment" in body:
        body["Environment"].setdefault("Variables", {})  # moto looks for them
    before = dict(vars(function))
    try:
        original(backend, function_name, qualifier, body)
        _define(pool, function, body)
    except JsonRESTError:
        vars(function).update(before)
        raise
    if "DeadLetterConfig" in body:
        function.dead_letter_arn = _dead_letter_arn(body)
    return function.get_configuration()


@SEAMS.replaces(f"{_BACKEND}.delete_function")
def _delete_function(
    pool: FunctionPool,
    original: Callable[..., None],
    backend: LambdaBackend,
    function_name: str,
    *qualifier: Any,
) -> None:
    name = backend.get_function(function_name).function_name
    original(backend, function_name, *qualifier)
    pool.forget(name)


@SEAMS.replaces(f"{_BACKEND}.put_function_concurrency")
@SEAMS.replaces(f"{_BACKEND}.delete_function_concurrency")
def _change_concurrency(
    pool: FunctionPool,
    original: Callable[..., Any],
    backend: LambdaBackend,
    function_name: str,
    *reserved: int,
) -> Any:
    answer = original(backend, function_name, *reserved)
    function = backend.get_function(function_name)
    spec = pool.find(function.function_name).spec
    pool.define(function.function_name, replace(spec, concurrency=_concurrency(pool, function)))
    return answer


@SEAMS.replaces(f"{_FUNCTION}.get_configuration")
def _get_configuration(
    _pool: FunctionPool, original: Callable[..., dict[str, Any]], function: LambdaFunction, **named: Any
) -> dict[str, Any]:
    target = getattr(function, "dead_letter_arn", "")
    dead_letters = {"DeadLetterConfig": {"TargetArn": target}} if target else {}
    return {**original(function, **named), **dead_letters}


def send_to_dead_letters(
    client: Callable[[str], Any], name: str, payload: bytes, about: Mapping[str, str]
) -> None:
    """Send an event that was given up to the dead-letter queue or topic of its function, where it has one.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Args:
        client: gives boto3 clients.
        name: of the function.
        payload: the event.
        about: the attributes of its message.
    """
    functions = {one.function_name: one for one in lambda_backends[ACCOUNT][REGION].list_functions()}
    target = getattr(functions.get(name), "dead_letter_arn", "")
    attributes = {
        key: {"DataType": "Number" if key == "ErrorCode" else "String", "StringValue": value[:1024]}
        for key, value in about.items()
        if value
    }
    if ":sqs:" in target:
        url = client("sqs").get_queue_url(QueueName=target.rpartition(":")[2])["QueueUrl"]
        client("sqs").send_message(QueueUrl=url, MessageBody=payload.decode(), MessageAttributes=attributes)
    elif target:
        client("sns").publish(TopicArn=target, Message=payload.decode(), MessageAttributes=attributes)


def _check(spec: Mapping[str, Any]) -> None:
    """Refuse what would be taken and never done."""
    for member in _UNSERVED:
        if spec.get(member) and spec[member] not in _DEFAULTS:
            raise _refused(f"The local AWS does not serve {member} of functions.")
    code = spec.get("Code", spec)
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(code.get("S3Bucket"))
    if "S3Key" in code and not (bucket and code["S3Key"] in bucket.keys):
        raise _refused("Error occurred while GetObject. S3 Error Code: NoSuchKey or NoSuchBucket.")
    target = _dead_letter_arn(spec)
    if target and not re.fullmatch(r"arn:[^:]+:(sqs|sns):[^:]+:\d{12}:[\w-]+", target):
        raise _refused(f"DeadLetterConfig names neither a standard queue nor a standard topic: {target}.")


def _dead_letter_arn(spec: Mapping[str, Any]) -> str:
    return str(spec.get("DeadLetterConfig", {}).get("TargetArn") or "")


def _define(pool: FunctionPool, function: LambdaFunction, changes: Mapping[str, Any]) -> None:
    """Let the pool run what a record says."""
    name = function.function_name
    given = pool.given.get(name)
    if not given and (function.package_type != "Zip" or not str(function.run_time).startswith("python3.")):
        what = f"{function.package_type} {function.run_time or ''}".strip()
        raise _refused(f"The local AWS runs zip files in Python, not {what}.")
    spec = FunctionSpec(
        handler=str(function.handler).replace("/", "."),
        timeout_seconds=function.timeout,
        memory_mb=function.memory_size,
        concurrency=_concurrency(pool, function),
        environment={**(given.environment if given else {}), **(function.environment_vars or {})},
        code=None if given else _unpacked(function, pool.folder),
    )
    if given:
        fields = {"Timeout": "timeout_seconds", "MemorySize": "memory_mb"}
        fields |= {"Handler": "handler", "Environment": "environment"}
        changed = {name: getattr(spec, name) for member, name in fields.items() if member in changes}
        spec = replace(pool.find(name).spec if changes else given, concurrency=spec.concurrency, **changed)
    pool.define(name, spec)


def _concurrency(pool: FunctionPool, function: LambdaFunction) -> int:
    given, reserved = pool.given.get(function.function_name), function.reserved_concurrency
    most = given.concurrency if given else _UNRESERVED
    if reserved is None:
        return most
    return min(int(reserved), most) if given else int(reserved)


def _unpacked(function: LambdaFunction, folder: Path) -> Path:
    """The folder of a function's code; functions with the same code share it."""
    code = folder / f"code-{function.code_digest}"
    with _unpacking:
        try:
            if not code.exists():
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                    if sum(member.file_size for member in archive.infolist()) > _MOST_UNPACKED_BYTES:
                        message = f"Unzipped size must be smaller than {_MOST_UNPACKED_BYTES} bytes"
                        raise _refused(message)
                    archive.extractall(code)  # which keeps every member inside
        except JsonRESTError:
            raise
        except Exception as error:  # an archive may raise nearly anything
            shutil.rmtree(code, ignore_errors=True)
            raise _refused(f"Could not unzip uploaded file: {error}") from error
    return code


def _refused(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidParameterValueException", message)
