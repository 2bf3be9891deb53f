"""Where everything of a job lies in S3: names follow from the job, so nobody has to pass them on.

In the work bucket (all of it expires)::

    jobs/JOB/ATTEMPT/plan.json                the first plan           Plan
    jobs/JOB/ATTEMPT/BATCH/pages.msgpack      rotation's output        PageBatch
    jobs/JOB/ATTEMPT/BATCH/regions.msgpack    region detection's       RegionBatch
    jobs/JOB/ATTEMPT/BATCH/crops.msgpack      text detection's         CropBatch
    jobs/JOB/ATTEMPT/BATCH/text.msgpack       OCR's                    TextBatch
    jobs/JOB/ATTEMPT/BATCH/STAGE.error.json   why a stage lost a batch ErrorInfo

In the results bucket ``results/JOB/ATTEMPT/result.json`` and its exports; in the artefacts bucket
``bundles/active.json`` (script or "default" to bundle id), ``bundles/ID.json`` (a Bundle) and
``models/NAME/VERSION/SHA256/model.tar.gz``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import BatchTask, EndpointStage, Job
from hybrid_ocr.contracts.messages import ModelIdentity, StageName
from hybrid_ocr.contracts.stages import STAGES

LONGEST_KEY: Final = 1_000
"""Bytes; S3 allows 1,024, and what follows a key in a message needs room."""

OUTPUTS: Final[dict[StageName, str]] = {name: spec.output for name, spec in STAGES.items()}
INPUTS: Final[dict[StageName, str]] = {
    name: STAGES[spec.after].output for name, spec in STAGES.items() if spec.after is not None
}
"""A stage reads what the stage before it wrote, byte for byte."""

JOBS: Final = "jobs"
"""Under which everything of jobs lies in the work bucket, what asynchronous endpoints write included."""
PLAN: Final = "plan.json"
ACTIVE_BUNDLES: Final = "bundles/active.json"
DEFAULT_BUNDLE: Final = "default"

_URI: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_ENCODED: Final = re.compile(r"%(2e|2f|5c|0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control, format (direction marks), surrogate and line separating characters."""


def attempt_prefix(job_id: str, attempt: int) -> str:
    """Under which everything of one attempt lies in the work bucket; ends in a slash."""
    return f"{JOBS}/{job_id}/{attempt}/"


def job_prefix(job: Job) -> str:
    """The same, of a job."""
    return attempt_prefix(job.job_id, job.attempt)


def plan_key(job: Job) -> str:
    """The key of an attempt's first plan, which names every page that is to be read."""
    return job_prefix(job) + PLAN


def batch_prefix(batch: BatchTask) -> str:
    """Under which everything of one batch lies in the work bucket; ends in a slash."""
    return f"{job_prefix(batch.job)}{batch.label}/"


def output_key(batch: BatchTask, stage: StageName) -> str:
    """The key of a stage's output for a batch."""
    return batch_prefix(batch) + OUTPUTS[stage]


def input_key(batch: BatchTask, stage: EndpointStage) -> str:
    """The key of a stage's input for a batch."""
    return batch_prefix(batch) + INPUTS[stage]


def error_key(batch: BatchTask, stage: StageName) -> str:
    """The key under which lies why a stage lost a batch."""
    return f"{batch_prefix(batch)}{stage}.error.json"


def inference_id(batch: BatchTask, stage: EndpointStage) -> str:
    """Names one stage of one batch for SageMaker: at most 64 characters, the same every time."""
    return f"{batch.job.job_id}-{batch.job.attempt}-{batch.label}-{OUTPUTS[stage].split('.')[0]}"


def result_prefix(job_id: str, attempt: int) -> str:
    """Under which the result of one attempt lies in the results bucket; ends in a slash."""
    return f"results/{job_id}/{attempt}/"


def bundle_key(bundle_id: str) -> str:
    """The key of a bundle in the artefacts bucket."""
    return f"bundles/{bundle_id}.json"


def artifact_key(model: ModelIdentity) -> str:
    """The key of a model artefact: what it holds is in its name, so an object there never changes."""
    return f"models/{model.name}/{model.version}/{model.sha256}/model.tar.gz"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI.

    Raises:
        RequestError: it is none, or its key is one that `check_key` refuses.
    """
    match = _URI.fullmatch(uri)
    if not match:
        raise RequestError(f"{uri[:80]!r} is no s3://bucket/key")
    bucket, key = match.groups()
    check_key(key)
    return bucket, key


def check_key(key: str) -> None:
    """Refuse a key that could be taken for another one, by a shell, a browser, a log or a person.

    Raises:
        RequestError: INVALID_REQUEST; its text says what is wrong and quotes nothing that cannot be shown.
    """
    if not key or len(key.encode("utf-8", "surrogatepass")) > LONGEST_KEY:
        raise RequestError(f"the object key must have 1 to {LONGEST_KEY} bytes")
    if any(unicodedata.category(character) in _HIDDEN for character in key):
        raise RequestError("the object key has a control or direction character")
    if _ENCODED.search(key):
        raise RequestError("the object key has an encoded dot, slash or control character")
    if "\\" in key or any(part in {".", ".."} for part in key.split("/")):
        raise RequestError("the object key has a backslash or a relative path segment")
