"""What the flow carries from state to state: references and small facts, never pixels or text."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from hybrid_ocr.contracts.base import SCHEMA_VERSION, Message, SchemaVersion
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.events import (
    EVENT_SOURCE,
    MOST_ATTEMPTS,
    PAGE_RANGES,
    TEST_SOURCE,
    DocumentCompleted,
    DocumentFailed,
    DocumentNeedsReview,
    DocumentSubmitted,
    ReadOptions,
    S3Uri,
    TestRun,
)
from hybrid_ocr.contracts.messages import EndpointStage as EndpointStage  # noqa: PLC0414 - jobs name stages
from hybrid_ocr.contracts.messages import ModelIdentity, StageName

JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
BundleId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
EndpointMode = Literal["async", "realtime"]
PageRanges = Annotated[str, Field(pattern=PAGE_RANGES, max_length=20_000)]
LARGEST_DOCUMENT: Final = 100 * 2**20
"""Bytes; the default of a deployment, and what our own client sends at most."""
MOST_AT_ONCE: Final = 40
"""Batches of one document under way at once."""


class EndpointRef(Message):
    """A SageMaker endpoint that serves one stage of a bundle."""

    name: str = Field(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9])*$", max_length=63)
    mode: EndpointMode


class Bundle(Message):
    """The models a document stays on from its first stage to its last, and the endpoints that serve them.

    `id` is a hash of the models alone: the same weights on another endpoint are the same bundle.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    id: BundleId
    models: dict[StageName, ModelIdentity]
    endpoints: dict[EndpointStage, EndpointRef]

    @classmethod
    def of(cls, models: dict[StageName, ModelIdentity], endpoints: dict[EndpointStage, EndpointRef]) -> Self:
        """The bundle of these models."""
        return cls(id=_bundle_id(models), models=models, endpoints=endpoints)

    @model_validator(mode="after")
    def _is_what_its_id_says(self) -> Self:
        if self.id != _bundle_id(self.models):
            raise ValueError("the id of a bundle is the hash of its models")
        return self


class Job(Message):
    """One document on its way: the input of its execution.

    `attempt` counts from 1; a redrive is the next attempt of the same job. All optional fields are always
    written, so that the flow file may refer to each of them.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    job_id: JobId
    attempt: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    source: S3Uri
    etag: str = Field(min_length=1, max_length=128, description="of the object that is to be read")
    version_id: str | None = Field(default=None, max_length=1024)
    options: ReadOptions = ReadOptions()
    test: TestRun | None = None
    bundle: BundleId

    @property
    def execution_name(self) -> str:
        """The name of this attempt's execution: a second start under it is refused, so nothing runs twice."""
        return f"{self.job_id}-{self.attempt}"


def job_id_of(submitted: DocumentSubmitted, version: str) -> str:
    """The id of a job: the same object version, options and test give the same id.

    Args:
        submitted: who asked for what.
        version: the object's version id, or its ETag in a bucket without versions.
    """
    asked = [submitted.options.model_dump(), submitted.test.model_dump() if submitted.test else None]
    identity = [submitted.source, version, *asked]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]


class PlanRequest(Message):
    """The input of paginate: a job, and how often it has been planned before."""

    job: Job
    round: int = Field(ge=0, le=9)


class Plan(Message):
    """What is still to be read: page ranges, one batch each. An empty plan means: validate what is there.

    `round` 0 holds the whole document in batches; a later one holds, each page alone, what earlier rounds
    could not read; `concurrency` of them are under way at once. `error` says why the document could not be
    opened at all.
    """

    round: int = Field(ge=0, le=9)
    expected_pages: int = Field(ge=0)
    batches: tuple[PageRanges, ...] = Field(max_length=2_000)
    concurrency: int = Field(default=MOST_AT_ONCE, ge=1, le=MOST_AT_ONCE)
    error: ErrorInfo | None = None


def batch_label(number: int, pages: str) -> str:
    """Names a batch of page ranges in its attempt, by its round: at most 13 characters."""
    numbers = pages.replace(",", "-").split("-")
    return f"{number}-{numbers[0]}-{numbers[-1]}"


class BatchTask(Message):
    """The input of rotation, and what dispatch is told beside its stage: one batch of a plan."""

    job: Job
    round: int = Field(ge=0, le=9)
    pages: PageRanges

    @property
    def label(self) -> str:
        """See `batch_label`."""
        return batch_label(self.round, self.pages)


class StageTask(Message):
    """The input of dispatch: one stage of one batch, and the task token of the state that waits for it."""

    job: Job
    round: int = Field(ge=0, le=9)
    pages: PageRanges
    stage: EndpointStage
    token: str = Field(min_length=1, max_length=2048, repr=False)

    @property
    def batch(self) -> BatchTask:
        """The batch alone."""
        return BatchTask(job=self.job, round=self.round, pages=self.pages)


class ValidationTask(Message):
    """The input of validation: a job, and its last plan."""

    job: Job
    plan: Plan


class Outcome(Message):
    """How a job ended: the event to publish, as EventBridge takes it."""

    detail_type: Literal["DocumentCompleted", "DocumentNeedsReview", "DocumentFailed"]
    source: str
    detail: dict[str, object]

    @classmethod
    def of(cls, event: DocumentCompleted | DocumentNeedsReview | DocumentFailed) -> Self:
        """The outcome that an event tells; that of a test has the tests' source."""
        source = TEST_SOURCE if event.test else EVENT_SOURCE
        kind: Any = type(event).__name__
        return cls(detail_type=kind, source=source, detail=event.model_dump(mode="json"))

    @classmethod
    def failed(cls, job: Job, error: ErrorInfo, result: str | None = None) -> Self:
        """The outcome of a job that could not be read.

        Args:
            job: whose.
            error: why.
            result: the s3:// URI of its result, where there is one.
        """
        return cls.of(
            DocumentFailed(
                job_id=job.job_id,
                attempt=job.attempt,
                source=job.source,
                test=job.test,
                error=error,
                result=result,
            )
        )

    @property
    def event(self) -> DocumentCompleted | DocumentNeedsReview | DocumentFailed:
        """The event."""
        kind: type[DocumentCompleted | DocumentNeedsReview | DocumentFailed] = _EVENTS[self.detail_type]
        return kind.model_validate(self.detail)


_EVENTS: Final = {kind.__name__: kind for kind in (DocumentCompleted, DocumentNeedsReview, DocumentFailed)}


class ConclusionTask(Message):
    """The input of conclude: a job that has come to its end in the flow.

    Args:
        job: whose.
        outcome: what validation said; None where the flow broke.
        failure: the name of the error with which it broke, else None.
    """

    job: Job
    outcome: Outcome | None = None
    failure: str | None = Field(default=None, max_length=256)

    @model_validator(mode="after")
    def _ends_in_one_way(self) -> Self:
        if (self.outcome is None) == (self.failure is None):
            raise ValueError("a job ends with an outcome or with a failure")
        return self


def _bundle_id(models: dict[StageName, ModelIdentity]) -> str:
    canonical = {stage: model.model_dump() for stage, model in models.items()}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()[:16]
