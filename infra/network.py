"""Where functions and containers run: in no network of the account, in one of their own, or in yours."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hybrid_ocr.contracts.base import Message

__all__ = ["INTERFACES", "OUTSIDE_A_NETWORK", "ZONES", "Network"]

INTERFACES: Final = ("sagemaker.runtime", "sqs", "states", "events")
"""Services that functions call by interface endpoints in a network of their own: endpoints, dead letters,
executions, outcomes. S3 and DynamoDB have gateway endpoints, which are free; logs and traces leave by Lambda
itself.
"""
ZONES: Final = 2
"""Availability zones of a network of their own; each interface endpoint is paid in each of them."""

OUTSIDE_A_NETWORK: Final = (
    "The stage runs outside a VPC by its own choice: interface endpoints would be most of its idle cost, and "
    "every service that a function calls is asked over TLS with a signature."
)
"""Why checks that ask for a VPC are passed over where the stage has none."""

_IN_ORDER: Final = "0123456789abcdef" * 2
_FROM_MANUALS: Final = frozenset({"0a1b2c3d4e5f6789", "1a2b3c4d", "0abc1234def567890"})


def _is_real(value: str) -> str:
    """Refuse ids as they stand in documentation: digits in order, or one digit again and again."""
    kind, _, digits = value.partition("-")
    if digits[:-1] in _IN_ORDER or len(set(digits[:-1])) == 1 or digits in _FROM_MANUALS:
        raise ValueError(f"{value} is a placeholder: put the id of a {kind} of your account in its place")
    return value


class Network(Message):
    """The table [network] of a stage."""

    kind: Literal["none", "own", "existing"]
    vpc_id: Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$"), AfterValidator(_is_real)] | None = None
    subnet_ids: (
        Annotated[
            tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$"), AfterValidator(_is_real)], ...],
            Field(min_length=2, max_length=16),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _ids_are_of_an_existing_network(self) -> Self:
        for key, value in (("vpc_id", self.vpc_id), ("subnet_ids", self.subnet_ids)):
            if self.kind == "existing" and value is None:
                raise ValueError(f'{key} is missing: kind = "existing" runs in a VPC of yours')
            if self.kind != "existing" and value is not None:
                raise ValueError(f'{key} is for kind = "existing" alone: delete it, or change kind')
        return self
