"""The base of every message: frozen, closed to unknown fields, versioned."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

SchemaVersion = Literal["1.0"]
SCHEMA_VERSION: Final[SchemaVersion] = "1.0"
"""Version of every message in this package. Raised when a field changes meaning or goes away."""


class Message(BaseModel):
    """A value that is never changed after it was made and never carries a field nobody declared."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        val_json_bytes="base64",
        ser_json_inf_nan="constants",
    )


Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Pixels = Annotated[int, Field(ge=1, le=100_000)]
PageNumber = Annotated[int, Field(ge=1, le=100_000)]
ElementId = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9._-]+$")]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _without_surrogates(text: object) -> object:
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text) if isinstance(text, str) else text


UnicodeText = Annotated[str, BeforeValidator(_without_surrogates)]
"""Text that may quote a file name. Python has each byte of a name that is not UTF-8 as a lone surrogate (PEP
383), which neither JSON nor msgpack can hold; here each becomes U+FFFD."""

Blob = Annotated[
    bytes,
    PlainSerializer(lambda data: b64encode(data).decode(), return_type=str, when_used="json"),
    Field(repr=False, description="bytes; in JSON as base64"),
]
"""Pixels. JSON carries the standard base64 alphabet, which every language and `base64 -d` reads."""
