"""What the smoke test of a deployment looks at, and that it sees each thing that can be wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hybrid_ocr.artifacts.building.catalogue import load_catalogue
from hybrid_ocr.cli import app
from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.jobs import Bundle, Job
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.smoke import LINES, page
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from samples.smoke_page import draw
from tests.clients.deployment import Deployment, Worker
from tests.clients.results import a_result


def model(name: str, sha256: str | None = None) -> ModelIdentity:
    return ModelIdentity(name=name, version="1.0.0", sha256=sha256 or load_catalogue().lock[name])


MODELS = {"ocr": model("pp-ocrv6-small-rec"), "text_detection": model("our-own-detector", "3" * 64)}


@pytest.fixture
def bundle(connection: Connection) -> Iterator[Bundle]:
    """The bundle that is active."""
    bucket = Objects(connection.names.bucket("artifacts"), connection.client("s3"))
    made = Bundle.of(dict(MODELS), {})
    bundles = Bundles(bucket)
    bundles.put(made)
    bundles.activate({"default": made.id})
    yield made
    for key in list(bucket.keys("")):
        bucket.client.delete_object(Bucket=bucket.bucket, Key=key)


def smoke(local: Deployment, active: Bundle, *lines: str, **changes: object) -> tuple[int, dict[str, bool]]:
    """The exit code and each verdict, where a deployment reads these lines."""

    def read(job: Job) -> DocumentResult:
        assert job.test is not None
        told = {"bundle": active.id, "models": active.models, **changes}
        return a_result(job.job_id, *lines, source=job.source).model_copy(update=told)

    with Worker(local, read):
        done = CliRunner().invoke(app, ["smoke", "--json", "--timeout", "20"])
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return done.exit_code, {check["name"]: check["holds"] for check in told}


def test_a_deployment_that_reads(local: Deployment, bundle: Bundle) -> None:
    code, verdicts = smoke(local, bundle, *LINES)
    assert code == 0
    assert verdicts == dict.fromkeys(("bundle", "job", "pages", "text", "models", "pins"), True)


def test_a_mark_that_was_missed_is_still_the_line(local: Deployment, bundle: Bundle) -> None:
    code, _ = smoke(local, bundle, *(line.replace(":", "") for line in LINES))
    assert code == 0


@pytest.mark.parametrize(
    ("lines", "changes", "wrong"),
    [
        (LINES[1:], {}, {"text"}),
        ((*LINES[:3], "Total due 999.00"), {}, {"text"}),
        (LINES, {"status": "partial"}, {"pages"}),
        (LINES, {"bundle": "1" * 16}, {"models"}),
        (LINES, {"models": {"ocr": MODELS["ocr"]}}, {"models"}),
        (LINES, {"models": {**MODELS, "ocr": model("pp-ocrv6-small-rec", "4" * 64)}}, {"models", "pins"}),
    ],
)
def test_each_thing_that_is_wrong_is_seen(
    local: Deployment, bundle: Bundle, lines: tuple[str, ...], changes: dict[str, object], wrong: set[str]
) -> None:
    code, verdicts = smoke(local, bundle, *lines, **changes)
    assert code == 1
    assert {name for name, holds in verdicts.items() if not holds} == wrong


def test_a_job_that_does_not_end_is_a_verdict(local: Deployment, bundle: Bundle) -> None:
    done = CliRunner().invoke(app, ["smoke", "--timeout", "1"])
    assert done.exit_code == 1
    assert "FAILED  job" in done.stdout
    assert "STAGE_TIMEOUT" in done.stdout


def test_without_an_active_bundle_nothing_is_submitted(local: Deployment) -> None:
    done = CliRunner().invoke(app, ["smoke"])
    assert done.exit_code == 3
    assert "no bundle is active yet" in done.stderr
    assert not local.messages()


def test_the_page_is_what_the_script_draws(tmp_path: Path) -> None:
    pictures = [np.asarray(Image.open(io.BytesIO(one)).convert("L"), np.int16) for one in (page(), draw())]
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
