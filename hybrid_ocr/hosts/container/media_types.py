"""What a body is and what its answer becomes, by Content-Type and Accept (RFC 9110, 8.3 and 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hybrid_ocr.contracts.codec import JSON, MSGPACK, MediaType
from hybrid_ocr.contracts.errors import ErrorCode, RequestError

IMAGE: Final = "image"
UNDECLARED: Final = "undeclared"
BodyForm = MediaType | Literal["image", "undeclared"]
"""A batch in one of two encodings, an image, or what only its first bytes can tell."""

_BATCHES: Final[dict[str, MediaType]] = {
    MSGPACK: MSGPACK,
    "application/vnd.msgpack": MSGPACK,
    "application/x-msgpack": MSGPACK,
    JSON: JSON,
}
_IMAGES: Final = ("image/jpeg", "image/png", "image/tiff", "image/webp")
_ANY_IMAGE: Final = "application/x-image"  # of SageMaker's own image algorithms

_SAYS_NOTHING: Final = frozenset(
    {
        "",  # boto3 sends no type of its own
        "application/octet-stream",
        "binary/octet-stream",  # S3's default
        "application/x-www-form-urlencoded",  # curl's default, and never true here
    }
)
_QUALITY: Final = re.compile(r"0(\.\d*)?|1(\.0*)?")


class NotAcceptableError(RequestError):
    """No type that Accept asks for can be had; the code is that of 415, the status of HTTP is this."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE
    http_status: Final = 406


def body_form(content_type: str | None, *, takes_images: bool) -> BodyForm:
    """What a Content-Type says about a body; case and parameters do not matter.

    Args:
        content_type: the header, None where there is none.
        takes_images: whether an image may stand for a batch. Which format an image has, its first bytes say,
            whatever type of images is declared.

    Raises:
        RequestError: UNSUPPORTED_MEDIA_TYPE; its text names every type that is taken.
    """
    name = _name(content_type or "")
    if name in _BATCHES:
        return _BATCHES[name]
    if takes_images and (name.startswith("image/") or name == _ANY_IMAGE):
        return IMAGE
    if takes_images and name in _SAYS_NOTHING:
        return UNDECLARED
    what = f"Content-Type {content_type[:100]!r}" if content_type else "a body without a Content-Type"
    raise RequestError(
        f"{what} is not taken here; send {_listed(takes_images)}", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE
    )


def unrecognised() -> RequestError:
    """The refusal of a body that neither its Content-Type nor its first bytes explain."""
    return RequestError(
        "no Content-Type says what the body is, and its first bytes are not those of a JPEG, PNG, TIFF or "
        f"WebP; declare {_listed(takes_images=True)}",
        code=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    )


def answer_type(accept: Sequence[str], default: MediaType) -> MediaType:
    """The media type of an answer: the one of highest quality, of equals the one that is named first.

    Args:
        accept: the Accept headers of a request. Where they are absent or empty, anything will do; an element
            that cannot be read asks for nothing.
        default: where anything will do.

    Raises:
        NotAcceptableError: neither type is wanted.
    """
    header = ", ".join(accept)
    if not header.strip(" \t,"):
        return default
    ranges = list(_ranges(header))
    wanted: list[tuple[float, int, MediaType]] = []
    for offered in (default, JSON if default == MSGPACK else MSGPACK):
        matches = [(one.specificity(offered), one.quality, -one.place) for one in ranges]
        specificity, quality, place = max(matches, default=(0, 0.0, 0))
        if specificity and quality:
            wanted.append((quality, place, offered))
    if not wanted:
        raise NotAcceptableError(f"Accept {header[:100]!r} cannot be met; an answer is {MSGPACK} or {JSON}")
    return max(wanted, key=lambda one: one[:2])[2]


@dataclass(frozen=True)
class _MediaRange:
    """One element of Accept, in lower case and without parameters."""

    name: str
    quality: float
    place: int

    def specificity(self, offered: MediaType) -> int:
        """How closely it names a type: 3 by its name, 2 or 1 by a wildcard, 0 not at all."""
        if _BATCHES.get(self.name) == offered:
            return 3
        return {"application/*": 2, "*/*": 1}.get(self.name, 0)


def _ranges(header: str) -> Iterator[_MediaRange]:
    """The elements of an Accept header whose weight can be read."""
    for place, element in enumerate(header.split(",")):
        parameters = dict(part.strip().lower().partition("=")[::2] for part in element.split(";")[1:])
        weight = parameters.get("q", "1").strip()
        if _QUALITY.fullmatch(weight):
            yield _MediaRange(_name(element), float(weight), place)


def _name(element: str) -> str:
    return element.partition(";")[0].strip().lower()


def _listed(takes_images: bool) -> str:
    *most, last = [MSGPACK, JSON, *_IMAGES] if takes_images else [MSGPACK, JSON]
    return f"{', '.join(most)} or {last}"
