"""Objects of one S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NotRequired, TypedDict, TypeVar

import boto3
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.codec import JSON, MSGPACK, MediaType, decode, encode
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import ConfigurationError, DocumentError, ErrorCode
from hybrid_ocr.storage.faults import CONFIG, code_of, is_absent, is_condition

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

M = TypeVar("M", bound=Message)

_CHUNK: Final = 1 << 20
_UNREADABLE_CODES: Final = frozenset(
    {"400", "403", "405", "AccessDenied", "InvalidArgument", "MethodNotAllowed"}
)
"""What S3 answers for an object that a producer named wrongly: a malformed version id, an object without
permission (or gone, to a reader that may not list), a delete marker."""


class _Pinned(TypedDict):
    VersionId: NotRequired[str]
    IfMatch: NotRequired[str]


@dataclass(frozen=True)
class ObjectFacts:
    """What S3 knows of an object without its bytes; `etag` has no quotation marks."""

    size: int
    etag: str
    version_id: str | None
    modified: datetime


class Objects:
    """The objects of a bucket.

    Args:
        bucket: its name.
        client: an S3 client; by default one from the environment.
    """

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        self.bucket = bucket
        self.client: S3Client = client or boto3.client("s3", config=CONFIG)

    def at(self, bucket: str) -> Objects:
        """Another bucket through the same client."""
        return Objects(bucket, self.client)

    def uri(self, key: str) -> str:
        """An object's s3:// URI."""
        return f"s3://{self.bucket}/{key}"

    def key_of(self, uri: str) -> str:
        """The key that an s3:// URI has in this bucket, whatever slashes it begins with.

        Raises:
            ConfigurationError: it leads out of the bucket.
        """
        start = self.uri("")
        if not uri.startswith(start) or uri == start:
            raise ConfigurationError(f"{uri[:200]} is no object of bucket {self.bucket}")
        return uri.removeprefix(start)

    def copy(self, key: str, to: str) -> None:
        """Copy an object inside the bucket, over one that is there."""
        self.client.copy_object(Bucket=self.bucket, Key=to, CopySource={"Bucket": self.bucket, "Key": key})

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            DocumentError: SOURCE_NOT_FOUND.
        """
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if is_absent(error):
                raise self._not_found(key) from None
            raise

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        """Write an object, over one that is there; a file is sent without being held in memory."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def put_first(self, key: str, body: bytes, content_type: str) -> bool:
        """Write an object unless one is there; False: another writer was first, and its object stays."""
        try:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*"
            )
        except ClientError as error:
            if is_condition(error):
                return False
            raise
        return True

    def replace(self, key: str, body: bytes, content_type: str, *, etag: str) -> bool:
        """Write over the object that has this ETag; False: another writer has changed it since."""
        try:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, IfMatch=f'"{etag}"'
            )
        except ClientError as error:
            if is_condition(error):
                return False
            raise
        return True

    def exists(self, key: str) -> bool:
        """Whether an object is there."""
        return self.facts(key) is not None

    def facts(self, key: str, version_id: str | None = None) -> ObjectFacts | None:
        """What S3 knows of an object or of one version of it; None where it is not there."""
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=key, **_pinned(version_id))
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return ObjectFacts(
            size=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            version_id=head.get("VersionId"),
            modified=head["LastModified"],
        )

    def facts_of_source(self, key: str, version_id: str | None = None) -> ObjectFacts:
        """What S3 knows of an object that a producer named.

        Raises:
            DocumentError: SOURCE_NOT_FOUND, also for an object that may not be read.
        """
        try:
            facts = self.facts(key, version_id)
        except ClientError as error:
            if code_of(error) not in _UNREADABLE_CODES:
                raise
            facts = None
        if facts is None:
            raise _no_source(key)
        return facts

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys under a prefix, in their order."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def download(
        self, key: str, path: Path, *, version_id: str | None = None, etag: str | None = None
    ) -> None:
        """Write an object that a producer named to a file.

        Args:
            key: whose bytes.
            path: of the file, which is made or overwritten.
            version_id: of the version to read; the newest if None.
            etag: without quotation marks; an object with another one is not the one meant.

        Raises:
            DocumentError: SOURCE_NOT_FOUND where it is gone, has changed or may not be read.
        """
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key, **_pinned(version_id, etag))
        except ClientError as error:
            if is_absent(error) or is_condition(error) or code_of(error) in _UNREADABLE_CODES:
                raise _no_source(key) from None
            raise
        with path.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                file.write(chunk)

    def read(self, key: str, kind: type[M]) -> M:
        """An object as a message: JSON where its key ends in .json, msgpack otherwise.

        Raises:
            DocumentError: SOURCE_NOT_FOUND.
            RequestError: INVALID_REQUEST where it is no such message.
        """
        return decode(kind, self.get(key), _media_type(key))

    def write(self, key: str, message: Message) -> None:
        """Write a message, over one that is there; its form follows from the key as in `read`."""
        self.put(key, encode(message, _media_type(key)), _media_type(key))

    def write_first(self, key: str, message: Message) -> bool:
        """Write a message unless an object is there; False: another writer was first."""
        return self.put_first(key, encode(message, _media_type(key)), _media_type(key))

    def _not_found(self, key: str) -> DocumentError:
        message = f"{self.uri(key)[:1000]!a} is not there"
        return DocumentError(message, code=ErrorCode.SOURCE_NOT_FOUND)


def _no_source(key: str) -> DocumentError:
    message = f"{document_name(key)} is gone, has changed or may not be read: submit it again"
    return DocumentError(message, code=ErrorCode.SOURCE_NOT_FOUND)


def _media_type(key: str) -> MediaType:
    return JSON if key.endswith(".json") else MSGPACK


def _pinned(version_id: str | None, etag: str | None = None) -> _Pinned:
    pinned = _Pinned()
    if version_id is not None:
        pinned["VersionId"] = version_id
    if etag is not None:
        pinned["IfMatch"] = f'"{etag}"'
    return pinned
