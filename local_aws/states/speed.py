"""What moto does for every task of every execution, done once; and shorter waits for tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local_aws.account import CREDENTIALS
from local_aws.states.seams import ASL, SEAMS


@SEAMS.replaces(f"{ASL}.utils.boto_client:boto3", value=True)
def _clients(_state: object, _original: object) -> object:
    """All that moto takes of boto3 there is its function `client`."""
    making = Lock()
    # One attempt, unbounded: retries and timeouts are those of the state machine.
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        connect_timeout=60,
        read_timeout=86_400,
        max_pool_connections=1_000,
    )

    @lru_cache(maxsize=64)
    def make(service: str, region: str, url: str) -> Any:
        named = {**CREDENTIALS, "region_name": region, "endpoint_url": url, "config": config}
        return boto3.session.Session().client(service, **named)  # type: ignore[call-overload]

    def client(*, service_name: str, region_name: str, endpoint_url: str, **_: object) -> Any:
        with making:
            return make(service_name, region_name, endpoint_url.replace("localhost", "127.0.0.1"))

    return SimpleNamespace(client=client)


@SEAMS.replaces(f"{ASL}.parse.asl_parser:AmazonStateLanguageParser.parse", value=True)
def _parse_once(_state: object, original: Any) -> object:
    """Executions of a definition share its program: what components evaluate is in the environment."""
    return staticmethod(lru_cache(maxsize=32)(original))


@SEAMS.replaces(f"{ASL}.utils.json_path:parse", value=True)
def _parse_path_once(_state: object, original: Any) -> object:
    return lru_cache(maxsize=1024)(original)


@SEAMS.replaces(f"{ASL}.component.eval_component:EvalComponent._log_exception")
@SEAMS.replaces(f"{ASL}.component.eval_component:EvalComponent._log_failure_event_exception")
def _silent(*_: object, **__: object) -> None:
    return None


@SEAMS.replaces(f"{ASL}.component.common.retry.jitter_strategy_decl:JitterStrategyDecl._eval_body")
def _scale_wait(
    retry_scale: float, original: Callable[..., None], jitter: JitterStrategyDecl, env: Environment
) -> None:
    """Jitter is what moto applies last to the wait before a retry."""
    original(jitter, env)
    env.stack.append(env.stack.pop() * retry_scale)
