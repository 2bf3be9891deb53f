"""Documents as jobs: submit one, wait for it, fetch what was read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import boto3
from pydantic import ValidationError

from hybrid_ocr.clients.bus import Bus
from hybrid_ocr.clients.connection import Connection, connect
from hybrid_ocr.clients.inbox import Inbox
from hybrid_ocr.clients.job_table import JobTable
from hybrid_ocr.clients.jobs import ID, JobStatus, check_id, status_of, too_late
from hybrid_ocr.clients.retry import Deadline
from hybrid_ocr.contracts.codec import JSON, decode
from hybrid_ocr.contracts.errors import CapacityError, EngineError, ErrorCode, RequestError
from hybrid_ocr.contracts.events import (
    MOST_ATTEMPTS,
    DocumentSubmitted,
    JobRedriven,
    ReadOptions,
    TestRun,
)
from hybrid_ocr.contracts.jobs import job_id_of
from hybrid_ocr.contracts.keys import result_prefix
from hybrid_ocr.contracts.result import DocumentResult

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESULT: Final = "result.json"
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 3.0, 1.3
"""Seconds between two looks at a job, and how they grow."""
TAKEN_IN_WITHIN: Final = 300.0
"""Seconds. It takes a few; what is not in the table by then was refused, or intake stands still."""
_START_OF_ID: Final = re.compile(r"[0-9a-f]{6,31}")


class AsyncClient:
    """Submits documents and fetches results. Safe to share between threads.

    Every method raises ConfigurationError where the deployment is not there or may not be used, and
    CapacityError where AWS cannot answer now.

    Args:
        stage: of the deployment, see `connect`.
        session: where credentials and region come from, see `connect`.
        connection: in place of both.
    """

    def __init__(
        self,
        stage: str | None = None,
        session: boto3.Session | None = None,
        *,
        connection: Connection | None = None,
    ) -> None:
        self._connection = connection or connect(stage, session)
        self._results = self._connection.names.bucket("results")

    @cached_property
    def _inbox(self) -> Inbox:
        return Inbox(self._connection)

    @cached_property
    def _jobs(self) -> JobTable:
        return JobTable(self._connection)

    @cached_property
    def _bus(self) -> Bus:
        return Bus(self._connection)

    @cached_property
    def _s3(self) -> S3Client:
        client: S3Client = self._connection.client("s3")
        return client

    def submit(
        self,
        document: Path | str | bytes,
        *,
        pages: str | None = None,
        script: str | None = None,
        test: str | None = None,
        truth: Path | str | None = None,
        name: str = "document",
    ) -> str:
        """Ask for a document to be read; a file or bytes are uploaded first.

        The same version of an S3 object with the same options is the same job, however often it is submitted.
        Every upload is an object of its own, so a job of its own.

        Args:
            document: a path, an s3:// URI, or the bytes of a document.
            pages: which, such as 1-5,8.
            script: recognise this one only, such as latin.
            test: an id that makes this a test: it runs through everything and reaches no production rule.
            truth: of a test, a path or an s3:// URI.
            name: what a document that is given as bytes is called.

        Returns:
            The id of the job.

        Raises:
            RequestError: what is asked for makes no sense.
            DocumentError: SOURCE_NOT_FOUND or EMPTY_FILE.
        """
        if truth is not None and test is None:
            raise RequestError("a truth belongs to a test")
        try:
            options = ReadOptions(pages=pages, script=script)
            run = TestRun(id=test) if test is not None else None
        except ValidationError as error:
            first, *_ = error.errors(include_url=False, include_input=False)
            raise RequestError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        with self._connection.translated():
            placed = self._inbox.place(document, name)
            if run and truth is not None:
                run = TestRun(id=run.id, truth=self._inbox.place(truth).uri)
            submitted = DocumentSubmitted(source=placed.uri, options=options, test=run)
            self._bus.publish(submitted, test=run is not None)
        return job_id_of(submitted, placed.version)

    def status(self, job_id: str) -> JobStatus:
        """How the latest attempt of a job stands.

        Raises:
            RequestError: SOURCE_NOT_FOUND, there is no job of this id.
        """
        status = self._status(job_id)
        if status is None:
            raise RequestError(
                f"no job {job_id} in {self._connection.where}: it was not taken in yet, was refused at the "
                "door, or never was",
                code=ErrorCode.SOURCE_NOT_FOUND,
            )
        return status

    def wait(self, job_id: str, timeout: float = 3600.0) -> JobStatus:
        """Wait until the latest attempt of a job is done, whatever came of it.

        Args:
            job_id: what `submit` returned.
            timeout: seconds.

        Raises:
            EngineError: STAGE_TIMEOUT, it is not done in time, or was not even taken in.
        """
        return self._wait(job_id, Deadline.after(timeout), lambda status: status.done)

    def result(self, job_id: str, attempt: int | None = None) -> DocumentResult:
        """What was read by an attempt; where none is named, by the latest that has a result.

        Raises:
            CapacityError: NOT_READY, there is no result yet.
            OcrError: why the job failed before it had a result, as its class and code.
            RequestError: SOURCE_NOT_FOUND, there is no such job.
        """
        prefix = self._result_prefix(job_id, attempt)
        with self._connection.translated():
            answer = self._s3.get_object(Bucket=self._results, Key=prefix + RESULT)
            return decode(DocumentResult, answer["Body"].read(), JSON)

    def download(
        self,
        job_id: str,
        folder: Path,
        attempt: int | None = None,
        *,
        files: Collection[str] | None = None,
    ) -> list[Path]:
        """Write result.json and every export into a folder, which is made. Raises as `result` does.

        Args:
            job_id: what `submit` returned.
            folder: where to.
            attempt: of the job; None is the latest that has a result.
            files: names of those to fetch; None is all.

        Returns:
            The files.
        """
        prefix = self._result_prefix(job_id, attempt)
        fetched = []
        with self._connection.translated():
            for key in self._result_keys(prefix):
                relative = PurePosixPath(key.removeprefix(prefix))
                if relative.is_absolute() or ".." in relative.parts:
                    raise RequestError("a result has a file that lies outside its folder")
                if files is not None and str(relative) not in files:
                    continue
                file = folder / relative
                file.parent.mkdir(parents=True, exist_ok=True)
                self._s3.download_file(self._results, key, str(file))
                fetched.append(file)
        return fetched

    def jobs(self, limit: int = 20) -> list[JobStatus]:
        """The latest jobs, each by its latest attempt, those first that were submitted last."""
        with self._connection.translated():
            return list(map(status_of, self._jobs.newest(limit)))

    def find(self, start: str) -> str:
        """The id of the one job whose id starts so; a whole id comes back as it is.

        Raises:
            RequestError: no job starts so, or several do.
        """
        if ID.fullmatch(start):
            return start
        if not _START_OF_ID.fullmatch(start):
            raise RequestError(
                f"{start[:40]!r} is no id of a job: 32 of 0-9 and a-f, of which the first 6 or more will do"
            )
        with self._connection.translated():
            found = self._jobs.starting_with(start)
        if len(found) != 1:
            many = f"{len(found)} jobs start" if found else "no job starts"
            raise RequestError(f"{many} with {start}", code=ErrorCode.SOURCE_NOT_FOUND)
        return found[0]

    def redrive(self, job_id: str) -> int:
        """Read a document again, from its first page on, with the models it was read with before.

        Returns:
            The number of the new attempt.

        Raises:
            RequestError: the job is not done, has no attempt left, or is not known (SOURCE_NOT_FOUND).
            EngineError: STAGE_TIMEOUT, intake does not take it in.
        """
        last = self.status(job_id)
        if not last.done:
            raise RequestError(f"{last.called} is still {last.state}")
        if last.attempt == MOST_ATTEMPTS:
            raise RequestError(f"{last.called} is the last of {MOST_ATTEMPTS}: submit the document anew")
        again = JobRedriven(job_id=job_id, attempt=last.attempt + 1)
        with self._connection.translated():
            self._bus.publish(again, test=last.test is not None)
        deadline = Deadline.after(TAKEN_IN_WITHIN)
        return self._wait(job_id, deadline, lambda status: status.attempt >= again.attempt).attempt

    def _status(self, job_id: str) -> JobStatus | None:
        check_id(job_id)
        with self._connection.translated():
            record = self._jobs.get(job_id)
        return status_of(record) if record else None

    def _wait(self, job_id: str, end: Deadline, until: Callable[[JobStatus], bool]) -> JobStatus:
        """Look at a job until it is as it should be.

        Raises:
            EngineError: STAGE_TIMEOUT, it is not in time.
        """
        start = Deadline.after(min(end.seconds, TAKEN_IN_WITHIN))
        pause = FIRST_PAUSE
        while True:
            status = self._status(job_id)
            if status and until(status):
                return status
            limit = end if status else start
            if not limit.remaining:
                raise EngineError(too_late(job_id, status, limit.seconds), code=ErrorCode.STAGE_TIMEOUT)
            time.sleep(min(pause, limit.remaining))
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def _result_prefix(self, job_id: str, attempt: int | None) -> str:
        """Of an attempt, or else of the latest that has a result; where there is no result, raise why."""
        check_id(job_id)
        prefix = result_prefix(job_id, attempt) if attempt else f"results/{job_id}/"
        with self._connection.translated():
            found = [key for key in self._result_keys(prefix) if key.endswith(f"/{RESULT}")]
        if found:
            return max(found, key=lambda key: int(key.split("/")[2])).removesuffix(RESULT)
        status = self.status(job_id)
        if status.error:
            raise status.error.as_error(status.document)
        raise CapacityError(f"{status.called} has no result yet", code=ErrorCode.NOT_READY)

    def _result_keys(self, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._results, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", []))
