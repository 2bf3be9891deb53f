"""What moto needs, and what it does too slowly or unsafely, while a server runs."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from typing import Any, Final

import boto3
from moto.core import utils as moto_utils
from moto.core.config import default_user_config
from moto.dynamodb.models import DynamoDBBackend
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server import werkzeug_app
from moto.moto_server.utilities import RegexConverter
from moto.s3.responses import S3Response

from local_cloud.aws.replacing import replaced

_PORT: Final = "MOTO_PORT"
_BUFFER: Final = "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"
_BUFFER_BYTES: Final = 256 * 1024
"""A larger object lies in a temporary file: memory does not grow with what documents leave in S3."""
_DYNAMODB: Final = (
    "put_item",
    "get_item",
    "update_item",
    "delete_item",
    "query",
    "scan",
    "transact_write_items",
)
_S3: Final = ("put_object", "delete_object", "_key_response_post")


@cache
def session() -> boto3.Session:
    """One for the process: reading the models of services takes longer than what a client does with them."""
    return boto3.Session()


@contextmanager
def moto_serving(port: int) -> Iterator[None]:
    """Moto serves at a port inside the block: it runs state machines, and calls its own services there.

    All of moto's state is forgotten at the end.
    """
    with ExitStack() as stack:
        stack.callback(moto_api_backend.reset)
        stack.enter_context(_environment(_PORT, str(port)))
        stack.enter_context(_environment(_BUFFER, str(_BUFFER_BYTES)))
        stack.enter_context(_many_files())
        flows: Any = {**default_user_config["stepfunctions"], "execute_state_machine": True}
        stack.enter_context(_item(default_user_config, "stepfunctions", flows))
        stack.enter_context(_one_reading_of_regions())
        stack.enter_context(replaced(moto_utils, "create_loader", _shared_loader))
        stack.enter_context(replaced(werkzeug_app, "RegexConverter", _AnyCharacter))
        for owner, names in ((DynamoDBBackend, _DYNAMODB), (S3Response, _S3)):
            stack.enter_context(_one_at_a_time(owner, names))
        yield


class _AnyCharacter(RegexConverter):  # type: ignore[misc]  # moto is untyped
    """A part of a path; with moto's own a key of S3 has no line break."""

    def __init__(self, url_map: Any, pattern: str) -> None:  # noqa: ANN401 - werkzeug's
        super().__init__(url_map, f"(?s:{pattern})")


@contextmanager
def _one_at_a_time(owner: type, names: tuple[str, ...]) -> Iterator[None]:
    """Conditional writes as AWS has them: moto looks first and writes then, and threads get in between."""
    lock = threading.RLock()

    def locked(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*told: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            with lock:
                return method(*told, **named)

        return call

    with ExitStack() as stack:
        for name in names:
            stack.enter_context(replaced(owner, name, locked(getattr(owner, name))))
        yield


def _shared_loader() -> Any:  # noqa: ANN401 - botocore is untyped here
    """Moto reads the models of services with a loader of its own; those of our clients are read already."""
    return session()._session.get_component("data_loader")


@contextmanager
def _one_reading_of_regions() -> Iterator[None]:
    """Moto asks a new session for the regions of each service; each reads all endpoints of AWS, 0.1 s."""
    original = boto3.Session.get_available_regions

    def regions(_session: boto3.Session, *told: Any, **named: Any) -> list[str]:  # noqa: ANN401 - passed on
        return original(session(), *told, **named)

    with replaced(boto3.Session, "get_available_regions", regions):
        yield


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


@contextmanager
def _many_files() -> Iterator[None]:
    """As many open files as the system lets a process have: each larger object of S3 is one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def _item(mapping: Any, key: str, value: object) -> Iterator[None]:  # noqa: ANN401 - a TypedDict of moto
    before = mapping[key]
    mapping[key] = value
    try:
        yield
    finally:
        mapping[key] = before
