"""Puts documents where a job can find them, and says which version lies there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from uuid import uuid4

from botocore.exceptions import ClientError

from hybrid_ocr.clients.connection import Connection
from hybrid_ocr.contracts.document_name import UNKNOWN, document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.contracts.jobs import LARGEST_DOCUMENT
from hybrid_ocr.contracts.keys import split_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Placed(NamedTuple):
    """An object: its s3:// URI, and its version id or, in a bucket without versions, its ETag."""

    uri: str
    version: str


class Inbox:
    """The bucket of documents; uploads under `submitted/` start nothing by themselves."""

    def __init__(self, connection: Connection) -> None:
        self._s3: S3Client = connection.client("s3")
        self._bucket = connection.names.bucket("inbox")

    def place(self, document: Path | str | bytes, name: str = "document") -> Placed:
        """Upload a file or bytes under a key of their own; look up what is in S3 already.

        Args:
            document: a path, an s3:// URI, or bytes.
            name: what bytes are called; a file has its own name.

        Raises:
            DocumentError: SOURCE_NOT_FOUND, EMPTY_FILE or FILE_TOO_LARGE.
            RequestError: a URI or key that is none.
        """
        if isinstance(document, str) and document.startswith("s3://"):
            return self._find(document)
        if isinstance(document, bytes):
            return self._upload(name, document, len(document))
        path = Path(document)
        if path.exists() and not path.is_file():  # a pipe or device may never end
            raise DocumentError(f"{path} is no file", code=ErrorCode.SOURCE_NOT_FOUND)
        try:
            with path.open("rb") as file:
                return self._upload(path.name, file, path.stat().st_size)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DocumentError(f"{path}: {reason}", code=ErrorCode.SOURCE_NOT_FOUND) from None

    def _upload(self, name: str, body: bytes | BinaryIO, size: int) -> Placed:
        if not size:
            raise DocumentError(f"{name} has no bytes", code=ErrorCode.EMPTY_FILE)
        if size > LARGEST_DOCUMENT:
            message = f"{name} has {size:,} bytes; a document may have {LARGEST_DOCUMENT:,}: split it"
            raise DocumentError(message, code=ErrorCode.FILE_TOO_LARGE)
        key = f"submitted/{uuid4().hex}/{safe_name(name)}"
        answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        return _placed(self._bucket, key, answer.get("VersionId"), answer["ETag"])

    def _find(self, uri: str) -> Placed:
        bucket, key = split_uri(uri)
        try:
            answer = self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            raise DocumentError(f"there is no {uri}", code=ErrorCode.SOURCE_NOT_FOUND) from None
        return _placed(bucket, key, answer.get("VersionId"), answer["ETag"])


def _placed(bucket: str, key: str, version_id: str | None, etag: str) -> Placed:
    versioned = version_id not in {None, "null"}  # "null" is what the next upload overwrites
    return Placed(f"s3://{bucket}/{key}", version_id if version_id and versioned else etag.strip('"'))


def safe_name(name: str) -> str:
    """A file name as the end of an object key: as people know it, at most its last 100 characters.

    What a key may not hold, what cannot be shown, and what a file system somewhere refuses becomes `_`.
    """
    safe = re.sub(f'([{UNKNOWN}/\\\\:*?"<>|]|%(?=[0-9A-Fa-f]{{2}}))+', "_", document_name(name))
    return safe[-100:].lstrip(". ") or "document"
