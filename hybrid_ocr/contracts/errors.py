"""The one error tree, its stable codes, and what each code means to a caller.

Code is the contract: messages may change, a code does not. `ERRORS` is the single table behind the HTTP
status of a host, the decision to retry, and docs/errors.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from hybrid_ocr.contracts.base import Message, UnicodeText


class ErrorCode(StrEnum):
    """Stable names of everything that can go wrong."""

    SOURCE_NOT_FOUND = "SOURCE_NOT_FOUND"
    EMPTY_FILE = "EMPTY_FILE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    CORRUPT_DOCUMENT = "CORRUPT_DOCUMENT"
    TRUNCATED_IMAGE = "TRUNCATED_IMAGE"
    ENCRYPTED_DOCUMENT = "ENCRYPTED_DOCUMENT"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    PAGE_TOO_LARGE = "PAGE_TOO_LARGE"
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    PAGE_OUT_OF_RANGE = "PAGE_OUT_OF_RANGE"
    DECODE_TIMEOUT = "DECODE_TIMEOUT"
    DECODE_MEMORY = "DECODE_MEMORY"
    DECODER_CRASHED = "DECODER_CRASHED"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    OVERLOADED = "OVERLOADED"
    NOT_READY = "NOT_READY"
    STAGE_TIMEOUT = "STAGE_TIMEOUT"
    ENGINE_FAILED = "ENGINE_FAILED"
    ENGINE_UNAVAILABLE = "ENGINE_UNAVAILABLE"
    ARTIFACT_NOT_FOUND = "ARTIFACT_NOT_FOUND"
    ARTIFACT_INVALID = "ARTIFACT_INVALID"
    CONFIGURATION_INVALID = "CONFIGURATION_INVALID"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True)
class ErrorSpec:
    """What a code means: can the same call succeed later, which HTTP status, and what a user can do."""

    retryable: bool
    http_status: int
    meaning: str
    remedy: str


ERRORS: dict[ErrorCode, ErrorSpec] = {
    ErrorCode.SOURCE_NOT_FOUND: ErrorSpec(
        False, 404, "The file or object is not there.", "Check the path or key."
    ),
    ErrorCode.EMPTY_FILE: ErrorSpec(False, 422, "The file has no bytes.", "Upload it again."),
    ErrorCode.UNSUPPORTED_FORMAT: ErrorSpec(
        False, 415, "The first bytes are of no format that is read.", "Send PDF, TIFF, PNG, JPEG or WebP."
    ),
    ErrorCode.CORRUPT_DOCUMENT: ErrorSpec(
        False, 422, "The format is known but the content cannot be decoded.", "Export or scan it again."
    ),
    ErrorCode.TRUNCATED_IMAGE: ErrorSpec(
        False,
        422,
        "The image ends before its last pixel; it is not read as if it were whole.",
        "Send it again.",
    ),
    ErrorCode.ENCRYPTED_DOCUMENT: ErrorSpec(
        False, 422, "The PDF asks for a password.", "Save a copy without a password."
    ),
    ErrorCode.FILE_TOO_LARGE: ErrorSpec(
        False, 413, "The file has more bytes than the limit.", "Split it, or raise the limit."
    ),
    ErrorCode.PAGE_TOO_LARGE: ErrorSpec(
        False, 413, "A page has more pixels than the limit.", "Scan at a lower dpi, or raise the limit."
    ),
    ErrorCode.TOO_MANY_PAGES: ErrorSpec(
        False,
        413,
        "The document has more pages or frames than the limit.",
        "Split it, or raise the limit.",
    ),
    ErrorCode.PAGE_OUT_OF_RANGE: ErrorSpec(
        False, 400, "A page was asked for that the document does not have.", "Ask for pages it has."
    ),
    ErrorCode.DECODE_TIMEOUT: ErrorSpec(
        False, 422, "Decoding took longer than its time limit.", "Simplify or rasterise the page."
    ),
    ErrorCode.DECODE_MEMORY: ErrorSpec(
        False, 422, "Decoding wanted more memory than its limit.", "Simplify or rasterise the page."
    ),
    ErrorCode.DECODER_CRASHED: ErrorSpec(
        False, 422, "The decoder died on this file; it runs in a process of its own.", "Export it again."
    ),
    ErrorCode.INVALID_REQUEST: ErrorSpec(
        False, 400, "The request does not follow its schema.", "Compare it with the schema of its message."
    ),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ErrorSpec(
        False,
        415,
        "The Content-Type is not taken here; with status 406, no type that Accept asks for can be had.",
        "Use one the message names.",
    ),
    ErrorCode.BODY_TOO_LARGE: ErrorSpec(
        False, 413, "The body has more bytes than the limit.", "Send fewer pages at once."
    ),
    ErrorCode.OVERLOADED: ErrorSpec(
        True, 503, "The queue of the server is full.", "Send again later, with jitter."
    ),
    ErrorCode.NOT_READY: ErrorSpec(
        True, 503, "The server is starting or draining.", "Send again later, with jitter."
    ),
    ErrorCode.STAGE_TIMEOUT: ErrorSpec(
        True, 504, "The stage did not answer within its time limit.", "Send again; look at the load."
    ),
    ErrorCode.ENGINE_FAILED: ErrorSpec(
        True, 500, "The network failed while running.", "Send again; look at the log of the endpoint."
    ),
    ErrorCode.ENGINE_UNAVAILABLE: ErrorSpec(
        False, 500, "The engine or device that was asked for is not here.", "Choose another engine or image."
    ),
    ErrorCode.ARTIFACT_NOT_FOUND: ErrorSpec(
        False, 500, "The model artefact is not where it should be.", "Run `hybrid-ocr artifacts build`."
    ),
    ErrorCode.ARTIFACT_INVALID: ErrorSpec(
        False, 500, "The model artefact is not the one its manifest or catalogue names.", "Build it again."
    ),
    ErrorCode.CONFIGURATION_INVALID: ErrorSpec(
        False, 500, "A setting has a value that cannot work.", "Correct the setting that the message names."
    ),
    ErrorCode.INTERNAL: ErrorSpec(False, 500, "A fault of ours.", "Report it with the request id."),
}


class OcrError(Exception):
    """Base of every error this project raises on purpose.

    Args:
        message: what is wrong, where, and what to do; one line, never a document's text.
        code: the stable code; a subclass that stands for one code has it as its default.
    """

    code: ErrorCode = ErrorCode.INTERNAL

    def __init__(self, message: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    @property
    def spec(self) -> ErrorSpec:
        """What the code means to a caller."""
        return ERRORS[self.code]

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process boundaries whole: class, message and code."""
        return _rebuild, (type(self), self.message, self.code)


def _rebuild(kind: type[OcrError], message: str, code: ErrorCode) -> OcrError:
    return kind(message, code=code)


class DocumentError(OcrError):
    """The document itself cannot be read, whole or in part."""

    code = ErrorCode.CORRUPT_DOCUMENT


class RequestError(OcrError):
    """The caller asked for something that cannot be answered."""

    code = ErrorCode.INVALID_REQUEST


class CapacityError(OcrError):
    """Not now: the same request can succeed later."""

    code = ErrorCode.OVERLOADED


class EngineError(OcrError):
    """A network, its runtime or its device failed."""

    code = ErrorCode.ENGINE_FAILED


class ArtifactError(OcrError):
    """A model artefact is missing or is not what it claims to be."""

    code = ErrorCode.ARTIFACT_INVALID


class ConfigurationError(OcrError):
    """A setting has a value that cannot work."""

    code = ErrorCode.CONFIGURATION_INVALID


class ErrorInfo(Message):
    """An error as messages carry it."""

    code: ErrorCode
    message: UnicodeText = Field(max_length=2048)
    retryable: bool

    @classmethod
    def of(cls, error: BaseException) -> ErrorInfo:
        """Describe any exception; one that is not ours becomes INTERNAL and keeps only its type's name."""
        if isinstance(error, OcrError):
            return cls(code=error.code, message=error.message[:2048], retryable=error.spec.retryable)
        message = f"unexpected {type(error).__name__}; the log of the process has the traceback"
        return cls(code=ErrorCode.INTERNAL, message=message, retryable=False)

    def as_error(self, place: str = "") -> OcrError:
        """The exception of this error's class and code; `place` (where it happened) goes before its text."""
        message = f"{place}: {self.message}" if place else self.message
        return _CLASSES.get(self.code, DocumentError)(message, code=self.code)


_CLASSES: dict[ErrorCode, type[OcrError]] = {
    ErrorCode.PAGE_OUT_OF_RANGE: RequestError,
    ErrorCode.INVALID_REQUEST: RequestError,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: RequestError,
    ErrorCode.BODY_TOO_LARGE: RequestError,
    ErrorCode.OVERLOADED: CapacityError,
    ErrorCode.NOT_READY: CapacityError,
    ErrorCode.STAGE_TIMEOUT: EngineError,
    ErrorCode.ENGINE_FAILED: EngineError,
    ErrorCode.ENGINE_UNAVAILABLE: EngineError,
    ErrorCode.ARTIFACT_NOT_FOUND: ArtifactError,
    ErrorCode.ARTIFACT_INVALID: ArtifactError,
    ErrorCode.CONFIGURATION_INVALID: ConfigurationError,
    ErrorCode.INTERNAL: OcrError,
}
"""Every other code says something about the document."""
