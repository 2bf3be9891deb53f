"""One thing that is looked at, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["Check", "asked", "failed", "ok", "unknown"]

State = Literal["ok", "failed", "unknown"]

_DENIED: Final = ("AccessDenied", "Unauthorized", "NotAuthorized", "AuthorizationError", "Forbidden", "403")


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what was looked at, in a word or two.
        state: `failed` is what a deployment would fail at; `unknown` is what nobody could be asked.
        seen: what was found, and unless that is ok, what to do.
    """

    name: str
    state: State
    seen: str


def ok(name: str, seen: str) -> Check:
    """It holds."""
    return Check(name, "ok", seen)


def failed(name: str, seen: str) -> Check:
    """A deployment would fail at it."""
    return Check(name, "failed", seen)


def unknown(name: str, seen: str) -> Check:
    """It cannot be found out."""
    return Check(name, "unknown", seen)


def asked(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """What a look at the account gives; what AWS does not answer becomes an unknown check, never an error."""
    try:
        yield from list(look())
    except ClientError as error:
        answer, operation = error.response["Error"], error.operation_name
        if any(word in answer["Code"] for word in _DENIED):
            yield unknown(name, f"these credentials may not ask: they lack {_action(error)}")
        else:
            yield unknown(name, f"{operation} answers {answer['Code']}: {answer.get('Message', '')[:200]}")
    except BotoCoreError as error:
        yield unknown(name, f"cannot be asked: {str(error)[:200]}")


_PREFIXES: Final = {
    "DescribeAvailabilityZones": "ec2",
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "DescribeInstanceTypeOfferings": "ec2",
    "DescribeLogGroups": "logs",
    "DescribeStacks": "cloudformation",
    "DescribeSubnets": "ec2",
    "DescribeTable": "dynamodb",
    "DescribeVpcEndpointServices": "ec2",
    "DescribeVpcs": "ec2",
    "GetAccountSettings": "lambda",
    "GetFunctionConcurrency": "lambda",
    "GetParameter": "ssm",
    "GetServiceQuota": "servicequotas",
    "HeadBucket": "s3",
    "ListAWSDefaultServiceQuotas": "servicequotas",
    "ListServiceQuotas": "servicequotas",
}
"""The service that an operation is of, as policies call it."""
_NAMES: Final = {"HeadBucket": "ListBucket"}
"""Operations that policies know by another name."""


def _action(error: ClientError) -> str:
    operation = error.operation_name
    return f"{_PREFIXES.get(operation, '*')}:{_NAMES.get(operation, operation)}"
