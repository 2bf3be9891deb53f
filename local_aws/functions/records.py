"""Records of functions in moto: those of the component alone, which run as it gives them.

A record changes nothing of what runs but the concurrency, which is never more than was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.awslambda.models import LambdaBackend, LambdaFunction

from local_aws.functions.pool import FunctionPool
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_BACKEND: Final = "moto.awslambda.models:LambdaBackend"
_UNSERVED: Final = ("FileSystemConfigs", "ImageConfig", "Layers", "LoggingConfig", "Publish", "SnapStart")


@SEAMS.replaces(f"{_BACKEND}.create_function")
def _create_function(
    pool: FunctionPool, original: Callable[..., LambdaFunction], backend: LambdaBackend, spec: dict[str, Any]
) -> LambdaFunction:
    name = str(spec.get("FunctionName"))
    if name not in pool.given:
        raise NotServedError(f"of {name}: only functions of its component run, no code of clients")
    for member in _UNSERVED:
        if spec.get(member):
            raise NotServedError(f"with {member}")
    queue = str(spec.get("DeadLetterConfig", {}).get("TargetArn") or "")
    if queue and not queue.startswith("arn:aws:sqs:"):
        raise NotServedError(f"with DeadLetterConfig {queue}, only with queues")
    function = original(backend, spec | {"Code": {"ZipFile": ""}})  # it may name an object that is not there
    pool.dead_letter_queues[name] = queue
    return function


@SEAMS.replaces(f"{_BACKEND}.put_function_concurrency")
@SEAMS.replaces(f"{_BACKEND}.delete_function_concurrency")
def _reserve_concurrency(
    pool: FunctionPool, original: Callable[..., Any], backend: LambdaBackend, name: str, *reserved: int
) -> Any:
    answer = original(backend, name, *reserved)
    pool.find(backend.get_function(name).function_name).limit(*reserved)
    return answer


@SEAMS.replaces("moto.awslambda.models:LambdaFunction.get_configuration")
def _get_configuration(
    pool: FunctionPool, original: Callable[..., dict[str, Any]], function: LambdaFunction, **named: Any
) -> dict[str, Any]:
    queue = pool.dead_letter_queues.get(function.function_name)
    return original(function, **named) | ({"DeadLetterConfig": {"TargetArn": queue}} if queue else {})
