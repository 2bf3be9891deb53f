"""From a submission to a job that waits, and from there to its execution where a slot is free."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, RequestError
from hybrid_ocr.contracts.events import JobRedriven
from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.contracts.jobs import Job, job_id_of
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.objects import ObjectFacts, Objects
from lambdas.intake.events import Submission, read_event
from lambdas.intake.settings import IntakeSettings

UNVERSIONED: Final = frozenset({None, "null"})
"""The version id of an object that the next upload overwrites."""


class IntakeOutcome(StrEnum):
    """What became of a submission that was not refused."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    FOLDER = "folder"


class Intake:
    """Makes one job of each document, however often its event comes.

    Args:
        settings: which buckets and sizes are let in.
        inbox: the inbox bucket; others are read through its client.
        bundles: says which models a new document is read with.
        jobs: the table.
    """

    def __init__(self, settings: IntakeSettings, inbox: Objects, bundles: Bundles, jobs: Jobs) -> None:
        self._settings, self._inbox, self._bundles, self._jobs = settings, inbox, bundles, jobs

    def take(self, body: str) -> tuple[IntakeOutcome, JobRecord | None]:
        """Take in the event of a queue message.

        Returns:
            what became of it, and the job that now waits where it is a new one.

        Raises:
            RequestError: the event cannot be followed.
            DocumentError: its document is gone, has changed, is empty or too large.
            ArtifactError: no bundle is active.
            ClientError: AWS did not do its part; the event can be taken in later.
        """
        asked = read_event(body, self._settings.inbox_bucket, self._settings.inbox_prefix)
        if isinstance(asked, JobRedriven):
            record = self._jobs.submit_again(asked)
        elif asked.is_folder:
            return IntakeOutcome.FOLDER, None
        elif asked.bucket not in self._settings.readable_buckets:
            raise RequestError("the source lies in a bucket from which no documents are read")
        else:
            record = self._jobs.submit(self._job(asked, self._check_object(asked)))
        return IntakeOutcome.ACCEPTED if record else IntakeOutcome.DUPLICATE, record

    def _check_object(self, submission: Submission) -> ObjectFacts:
        facts = self._inbox.at(submission.bucket).facts_of_source(submission.key, submission.version_id)
        name = document_name(submission.key)
        pinned = submission.version_id not in UNVERSIONED
        if not pinned and submission.etag is not None and submission.etag.strip('"') != facts.etag:
            raise DocumentError(
                f"{name} was overwritten after its event; that upload has an event of its own",
                code=ErrorCode.SOURCE_NOT_FOUND,
            )
        if facts.size == 0:
            raise DocumentError(f"{name}: no bytes in it", code=ErrorCode.EMPTY_FILE)
        most = self._settings.max_document_bytes
        if facts.size > most:
            raise DocumentError(
                f"{name}: {facts.size} bytes; the limit is {most}", code=ErrorCode.FILE_TOO_LARGE
            )
        return facts

    def _job(self, submission: Submission, facts: ObjectFacts) -> Job:
        document = submission.document
        version_id = None if facts.version_id in UNVERSIONED else facts.version_id
        return Job(
            job_id=job_id_of(document, version_id or facts.etag),
            source=document.source,
            etag=facts.etag,
            version_id=version_id,
            options=document.options,
            test=document.test,
            bundle=self._bundles.active(document.options.script),
        )
