"""The handlers as Lambda loads them, over moto's S3 in this process."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.jobs import Bundle, EndpointRef
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.storage.objects import Objects
from tests.functions.context import Context
from tests.functions_heavy.desk import ARTIFACTS, INBOX, RESULTS, WORK, Desk, reads_of

Call = Callable[[dict[str, Any]], dict[str, Any] | None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Lambda sets before a handler's module is imported, which happens once in a process."""
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "HYBRID_OCR_WORK_BUCKET": WORK,
        "HYBRID_OCR_RESULTS_BUCKET": RESULTS,
        "HYBRID_OCR_ARTIFACTS_BUCKET": ARTIFACTS,
        "HYBRID_OCR_PAGES_PER_BATCH": "8",
        "HYBRID_OCR_MODEL_DIR": str(artifacts_root() / "textline-orientation"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The rotation network that is really there, and three endpoints that are not."""
    models = {
        "rotation": load_artifact(artifacts_root() / "textline-orientation").identity,
        "region_detection": ModelIdentity(name="regions", version="1", sha256="1" * 64),
        "text_detection": ModelIdentity(name="lines", version="1", sha256="2" * 64),
        "ocr": ModelIdentity(name="letters", version="1", sha256="3" * 64),
    }
    endpoints = {stage: EndpointRef(name=f"e-{stage.replace('_', '-')}", mode="async") for stage in models}
    del endpoints["rotation"]
    return Bundle.of(models, endpoints)


@pytest.fixture
def desk(environment: None, bundle: Bundle) -> Iterator[Desk]:
    """Buckets of a component in which nothing has happened yet."""
    with mock_aws():
        inbox = Objects(INBOX)
        for bucket in (INBOX, WORK, RESULTS, ARTIFACTS):
            inbox.client.create_bucket(Bucket=bucket)
        inbox.client.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
        inbox.at(ARTIFACTS).write(keys.bundle_key(bundle.id), bundle)
        yield Desk(inbox, inbox.at(WORK), inbox.at(RESULTS), bundle)


def _handler(name: str) -> Call:
    handler = importlib.import_module(f"lambdas.{name}.handler").handler
    return lambda event: handler(event, Context())


@pytest.fixture
def paginate(environment: None) -> Call:
    return _handler("paginate")


@pytest.fixture
def rotation(environment: None) -> Call:
    return _handler("rotation")


@pytest.fixture
def source_reads(rotation: Call) -> Iterator[list[str]]:
    """Which objects rotation fetches."""
    with reads_of(importlib.import_module("lambdas.rotation.handler").work) as reads:
        yield reads


@pytest.fixture
def validation(environment: None) -> Call:
    return _handler("validation")
