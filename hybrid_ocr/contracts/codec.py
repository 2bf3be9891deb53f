"""Messages as bytes: msgpack between stages, JSON (images as base64) for people."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgpack
from pydantic import ValidationError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import RequestError

MSGPACK: Final = "application/msgpack"
JSON: Final = "application/json"
MediaType = Literal["application/msgpack", "application/json"]

LONGEST_ARRAY: Final = 20_000
LONGEST_MAP: Final = 64
"""More elements or fields than any message has: a small body must not unpack into gigabytes."""

M = TypeVar("M", bound=Message)


def encode(message: Message, media_type: MediaType = MSGPACK) -> bytes:
    """A message as bytes of the given media type."""
    if media_type == JSON:
        return message.model_dump_json().encode()
    packed: bytes = msgpack.packb(message.model_dump(mode="python"), use_bin_type=True)
    return packed


def decode(kind: type[M], body: bytes, media_type: MediaType = MSGPACK) -> M:
    """Bytes as a message of the given kind.

    Raises:
        RequestError: INVALID_REQUEST where the bytes are not of that media type, or not such a message; its
            text names the fields, never their values.
    """
    try:
        if media_type == JSON:
            return kind.model_validate_json(body)
        unpacked = msgpack.unpackb(
            body, use_list=False, strict_map_key=True, max_array_len=LONGEST_ARRAY, max_map_len=LONGEST_MAP
        )
        return kind.model_validate(unpacked)
    except ValidationError as error:
        raise RequestError(f"not a {kind.__name__}: {_complaints(error)}") from None
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise RequestError(f"not {media_type}: {type(error).__name__}") from None


def _complaints(error: ValidationError, most: int = 3) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    named = [f"{'.'.join(map(str, d['loc'])) or 'message'}: {d['msg']}" for d in details[:most]]
    rest = len(details) - most
    return "; ".join(named) + (f"; and {rest} more" if rest > 0 else "")
