"""The waits between attempts, shorter where a test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.eval.environment import Environment

from local_aws.seams import Seams

SEAMS: Final = Seams()


@SEAMS.replaces(
    "moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl:JitterStrategyDecl._eval_body"
)
def _scaled(
    retry_scale: float, original: Callable[..., None], jitter: JitterStrategyDecl, env: Environment
) -> None:
    """Jitter is what moto applies last to the wait before a retry."""
    original(jitter, env)
    env.stack.append(env.stack.pop() * retry_scale)
