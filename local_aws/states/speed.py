"""What moto does for every task of every execution, done once."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any, Final

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from moto import settings

from local_aws.seams import Seams

SEAMS: Final = Seams()
_PARSER: Final = "moto.stepfunctions.parser.asl"
_CALLERS: Final = ("lambda_eval_utils", *(f"service.state_task_service_{name}" for name in (
    "aws_sdk", "dynamodb", "events", "sfn", "sns", "sqs", "unsupported"
)))  # fmt: skip
"""The modules of moto that import `boto_client_for` by its name, of the services that are served here."""
_making_a_client = Lock()


def client_for(
    _state: object, _original: object, region: str, service: str, state_credentials: object = None
) -> BaseClient:
    """The client of a task."""
    with _making_a_client:
        return _client(region, service, settings.moto_server_port())


for _caller in _CALLERS:
    SEAMS.replaces(f"{_PARSER}.component.state.exec.state_task.{_caller}:boto_client_for")(client_for)


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


@SEAMS.replaces(f"{_PARSER}.parse.asl_parser:AmazonStateLanguageParser.parse", value=True)
def _parse_once(_state: object, original: Any) -> object:
    """Executions of a definition share its program: what components evaluate is in the environment."""
    return staticmethod(lru_cache(maxsize=32)(original))


@SEAMS.replaces(f"{_PARSER}.utils.json_path:parse", value=True)
def _parse_path_once(_state: object, original: Any) -> object:
    return lru_cache(maxsize=1024)(original)


@SEAMS.replaces(f"{_PARSER}.component.eval_component:EvalComponent._log_exception")
@SEAMS.replaces(f"{_PARSER}.component.eval_component:EvalComponent._log_failure_event_exception")
def _silent(*_: object, **__: object) -> None:
    return None
