"""What comes to the door: a document to be read, told by S3 or a producer, or a job to be done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.parser import BaseModel, Field, ValidationError
from pydantic import JsonValue

from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.events import TEST_SOURCE, DocumentSubmitted, JobRedriven
from hybrid_ocr.contracts.keys import check_key, split_uri

T = TypeVar("T")


@dataclass(frozen=True)
class Submission:
    """A document that somebody wants read.

    `version_id` and `etag` are of the object that an event of S3 was about; a producer names neither.
    `is_folder` marks the empty object by which consoles show a folder.
    """

    bucket: str
    key: str
    document: DocumentSubmitted
    version_id: str | None = None
    etag: str | None = None
    is_folder: bool = False


class _Event(BaseModel):
    source: str = Field(min_length=1, max_length=256)
    detail_type: str = Field(alias="detail-type")
    detail: dict[str, JsonValue]


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str
    size: int | None = Field(default=None, ge=0)
    etag: str | None = None
    version_id: str | None = Field(default=None, alias="version-id")


class _ObjectCreated(BaseModel):
    bucket: _Bucket
    object: _Object


def read_event(body: str, inbox: str, prefix: str) -> Submission | JobRedriven:
    """A queue message as what it asks for.

    Args:
        body: an event as EventBridge hands it to a queue.
        inbox: the bucket whose events of S3 count.
        prefix: of the keys that count in it.

    Raises:
        RequestError: INVALID_REQUEST, and what is wrong; nothing of the body is quoted.
    """
    event = _checked("an event", lambda: _Event.model_validate_json(body))
    if event.source == "aws.s3" and event.detail_type == "Object Created":
        return _upload(event.detail, inbox, prefix)
    if event.detail_type == "DocumentSubmitted":
        return _submission(event.detail, event.source)
    if event.detail_type == "JobRedriven":
        return _checked("JobRedriven", lambda: JobRedriven.model_validate(event.detail))
    raise RequestError("an event that is none of Object Created of S3, DocumentSubmitted and JobRedriven")


def _upload(detail: dict[str, Any], inbox: str, prefix: str) -> Submission:
    created = _checked("Object Created of S3", lambda: _ObjectCreated.model_validate(detail))
    bucket, entry = created.bucket.name, created.object
    if bucket != inbox:
        raise RequestError("an upload into a bucket that is not the inbox")
    check_key(entry.key)
    if not entry.key.startswith(prefix):
        raise RequestError(f"an upload whose key does not begin with {prefix}")
    document = _checked("an upload", lambda: DocumentSubmitted(source=f"s3://{bucket}/{entry.key}"))
    return Submission(
        bucket=bucket,
        key=entry.key,
        document=document,
        version_id=entry.version_id,
        etag=entry.etag,
        is_folder=entry.key.endswith("/") and entry.size == 0,
    )


def _submission(detail: dict[str, Any], source: str) -> Submission:
    document = _checked("DocumentSubmitted", lambda: DocumentSubmitted.model_validate(detail))
    if (document.test is not None) != (source == TEST_SOURCE):
        raise RequestError(f"a document is a test if, and only if, its event comes from {TEST_SOURCE}")
    if document.test and document.test.truth:
        split_uri(document.test.truth)
    bucket, key = split_uri(document.source)
    return Submission(bucket=bucket, key=key, document=document)


def _checked(what: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)[:3]
        complaints = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in problems)
        raise RequestError(f"not {what}: {complaints}") from None
