"""What moto does for every task of every execution, done once."""

from __future__ import annotations

import copy
import sys
from functools import lru_cache
from threading import Lock
from types import SimpleNamespace

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from moto import settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path

_making_a_client = Lock()


def install() -> None:
    """Cache clients, definitions and paths; and let a failure write no dump of the whole definition."""
    _replace_by_name("boto_client_for", boto_client.boto_client_for, client_for)
    # Executions of one definition share its program: components keep what they evaluate in their environment.
    parse = AmazonStateLanguageParser.parse
    AmazonStateLanguageParser.parse = staticmethod(lru_cache(maxsize=32)(parse))
    # A JSONPath parser is built anew for each field of each state, about a millisecond each.
    json_path.parse = lru_cache(maxsize=1024)(json_path.parse)
    # Each state copies its input about ten times; of JSON that needs neither memo nor dispatch by type.
    _replace_by_name("copy", copy, SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy))
    # For each request the server listed its own package's folder and tried 200 patterns, under a lock.
    find_backend = DomainDispatcherApplication.get_backend_for_host
    DomainDispatcherApplication.get_backend_for_host = lru_cache(maxsize=256)(find_backend)
    # At every failure each enclosing component logged its repr, the tree below it, with the error's cause.
    EvalComponent._log_exception = _silent
    EvalComponent._log_failure_event_exception = _silent


def client_for(region: str, service: str, state_credentials: object = None) -> BaseClient:
    """The client of a task; moto makes a new one each time, 20 to 40 ms of CPU."""
    with _making_a_client:
        return _client(region, service, settings.moto_server_port())


@lru_cache(maxsize=64)
def _client(region: str, service: str, port: int) -> BaseClient:
    # One attempt, unbounded: retries and timeouts are those of the state machine.
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        connect_timeout=60,
        read_timeout=86_400,
        max_pool_connections=1_000,
    )
    client: BaseClient = boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="states",
        aws_secret_access_key="states",  # noqa: S106 - moto checks none
        config=config,
    )
    return client


def _deepcopy(value: object, memo: dict[int, object] | None = None) -> object:
    if memo is not None:
        return copy.deepcopy(value, memo)
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bool or kind is float:
        return value
    if kind is dict:
        return {key: _deepcopy(member) for key, member in value.items()}  # type: ignore[attr-defined]
    if kind is list:
        return [_deepcopy(member) for member in value]  # type: ignore[attr-defined]
    return copy.deepcopy(value)


def _replace_by_name(name: str, old: object, new: object) -> None:
    """Replace a function or module in every module of the interpreter that imported it by its name."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("moto.stepfunctions.") and getattr(module, name, None) is old:
            setattr(module, name, new)


def _silent(self: object, *_: object, **__: object) -> None:
    return None
