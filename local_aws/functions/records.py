"""Functions that a client makes with CreateFunction: zip files in Python are run, others are refused."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.core.exceptions import JsonRESTError

from local_aws.functions.model import FunctionSpec
from local_aws.functions.pool import FunctionPool
from local_aws.seams import Seams

SEAMS: Final = Seams()
_BACKEND: Final = "moto.awslambda.models:LambdaBackend"
_UNLESS_SAID: Final = 10
"""Instances of a function with no reserved concurrency. Lambda has a thousand; this machine has not."""


@SEAMS.replaces(f"{_BACKEND}.create_function")
def _create_function(
    pool: FunctionPool, original: Callable[..., LambdaFunction], backend: LambdaBackend, spec: dict[str, Any]
) -> LambdaFunction:
    function = original(backend, spec)
    try:
        _define(pool, function)
    except JsonRESTError:
        backend.delete_function(function.function_name)
        raise
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
    answer = original(backend, function_name, qualifier, body)
    _define(pool, backend.get_function(function_name))
    return answer


@SEAMS.replaces(f"{_BACKEND}.delete_function")
def _delete_function(
    pool: FunctionPool, original: Callable[..., None], backend: LambdaBackend, function_name: str, *told: Any
) -> None:
    name = backend.get_function(function_name).function_name
    original(backend, function_name, *told)
    pool.forget(name)


def _define(pool: FunctionPool, function: LambdaFunction) -> None:
    """Let the pool run what a record says, unless the code of this function is on this machine."""
    name = function.function_name
    if pool.is_given(name):
        return
    if function.package_type != "Zip" or not re.fullmatch(r"python3\.\d+", function.run_time or ""):
        what = f"{function.package_type} {function.run_time or ''}".strip()
        raise JsonRESTError(
            "InvalidParameterValueException", f"The local AWS runs zip files in Python, not {what}."
        )
    digest = hashlib.sha256(function.code_bytes).hexdigest()
    pool.define(
        name,
        FunctionSpec(
            handler=str(function.handler).replace("/", "."),
            timeout_seconds=function.timeout,
            memory_mb=function.memory_size,
            concurrency=function.reserved_concurrency or _UNLESS_SAID,
            environment=function.environment_vars or {},
            code=_unpacked(function.code_bytes, pool.folder / f"code-{digest}"),
        ),
    )


def _unpacked(archive: bytes, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            packed.extractall(folder)
    except zipfile.BadZipFile as error:
        raise JsonRESTError(
            "InvalidParameterValueException", f"Could not unzip uploaded file: {error}"
        ) from None
    return folder
