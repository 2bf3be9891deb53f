"""moto while it serves: its settings, and its seams that concern every service."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Final

import boto3
from moto.core.config import default_user_config
from moto.moto_api._internal.models import moto_api_backend

from local_aws.seams import Seams

SEAMS: Final = Seams()
_BUFFER_BYTES: Final = 256 * 1024
"""A larger object lies in a temporary file: memory does not grow with what lies in S3."""


@cache
def session() -> boto3.Session:
    """One for the process: reading the models of services takes longer than what a client does with them."""
    return boto3.Session()


@contextmanager
def moto_serving(port: int) -> Iterator[None]:
    """Moto serves at a port inside the block: it runs state machines, and calls its own services there.

    All of moto's state is forgotten at the end. Meanwhile this process may have as many open files as the
    system lets it: each larger object of S3 is one.
    """
    with ExitStack() as stack:
        stack.callback(moto_api_backend.reset)
        settings = {"MOTO_PORT": str(port), "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(_BUFFER_BYTES)}
        for name, value in settings.items():
            os.environ[name] = value
            stack.callback(os.environ.pop, name)
        flows: Any = default_user_config["stepfunctions"]
        default_user_config["stepfunctions"] = {**flows, "execute_state_machine": True}
        stack.callback(default_user_config.update, {"stepfunctions": flows})
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, files)
        stack.enter_context(SEAMS.installed(threading.RLock()))
        yield


@SEAMS.replaces("moto.dynamodb.responses:DynamoHandler.call_action")
@SEAMS.replaces("moto.s3.responses:S3Response._key_response")
def _one_at_a_time(lock: threading.RLock, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with lock:
        return original(*args, **kwargs)


@SEAMS.replaces("moto.moto_server.werkzeug_app:RegexConverter", value=True)
def _any_character(_state: object, converter: Any) -> type:
    class AnyCharacter(converter):  # type: ignore[misc]
        def __init__(self, url_map: Any, pattern: str) -> None:
            super().__init__(url_map, f"(?s:{pattern})")

    return AnyCharacter
