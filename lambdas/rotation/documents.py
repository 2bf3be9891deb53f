"""Documents on this disk, so that the batches of a document download it once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path

from hybrid_ocr.contracts.jobs import Job
from hybrid_ocr.contracts.keys import split_uri
from hybrid_ocr.storage.objects import Objects


class DocumentCache:
    """Keeps the documents asked for last in a folder of its own.

    Args:
        objects: any bucket; others are reached through its client.
        folder: where they lie; it exists and nobody else writes there.
        most_bytes: kept at once; one document is always kept, whatever its size.
    """

    def __init__(self, objects: Objects, folder: Path, most_bytes: int = 300_000_000) -> None:
        self._objects = objects
        self._folder = folder
        self._most_bytes = most_bytes
        self._sizes: OrderedDict[Path, int] = OrderedDict()

    def path(self, job: Job) -> Path:
        """The document of a job as a file; it stays until the next call.

        Raises:
            DocumentError: SOURCE_NOT_FOUND where that version of the object is gone.
            RequestError: the source is no s3:// URI that is read.
        """
        # A name made of a hash: what is in a key never reaches the file system.
        version = f"{job.source}\n{job.version_id}\n{job.etag}"
        path = self._folder / hashlib.sha256(version.encode("utf-8", "surrogatepass")).hexdigest()
        if path not in self._sizes:
            bucket, key = split_uri(job.source)
            self._objects.at(bucket).download(key, path, version_id=job.version_id, etag=job.etag)
            self._sizes[path] = path.stat().st_size
        self._sizes.move_to_end(path)
        while len(self._sizes) > 1 and sum(self._sizes.values()) > self._most_bytes:
            oldest, _ = self._sizes.popitem(last=False)
            oldest.unlink(missing_ok=True)
        return path
