"""What moto does for every task of every execution, done once."""

from __future__ import annotations

import sys
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from moto import settings
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
    # At every failure each enclosing component logged its repr, the tree below it, with the error's cause.
    EvalComponent._log_exception = _silent
    EvalComponent._log_failure_event_exception = _silent


def client_for(region: str, service: str, state_credentials: object = None) -> Any:
    """The client of a task; moto makes a new one each time, 20 to 40 ms of CPU."""
    with _making_a_client:
        return _client(region, service, settings.moto_server_port())


@lru_cache(maxsize=64)
def _client(region: str, service: str, port: int) -> Any:
    # One attempt, unbounded: retries and timeouts are those of the state machine.
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        connect_timeout=60,
        read_timeout=86_400,
        max_pool_connections=1_000,
    )
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=f"http://localhost:{port}",
        aws_access_key_id="states",
        aws_secret_access_key="states",
        config=config,
    )


def _replace_by_name(name: str, old: object, new: object) -> None:
    """Replace a function in every module of the interpreter that imported it by its name."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("moto.stepfunctions.") and getattr(module, name, None) is old:
            setattr(module, name, new)


def _silent(self: object, *_: object, **__: object) -> None:
    return None
