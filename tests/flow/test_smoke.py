"""The smoke test of a deployment and the publishing of artefacts, against a whole local cloud."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from hybrid_ocr.smoke import LINES
from infra.metrics import PUBLISHED
from tests.flow.site import Site, eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(site: Site, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("AWS_ENDPOINT_URL", site.endpoint_url)
    return CliRunner()


def test_the_local_cloud_reads_the_page(run: CliRunner) -> None:
    done = run.invoke(app, ["smoke", "--realtime", "--timeout", "120"])
    assert done.exit_code == 0, done.output
    assert "FAILED" not in done.stdout
    assert "realtime  4 of 4 lines" in done.stdout


def test_what_serves_the_endpoints_can_be_published_and_activated(run: CliRunner) -> None:
    done = run.invoke(app, ["artifacts", "publish", "--script", "latin", "--activate"])
    assert done.exit_code == 0, done.output
    assert "pp-ocrv6-small-rec-latin" in done.stdout
    assert "active as latin, on async endpoints" in done.stdout


def test_models_that_no_endpoint_serves_are_not_activated(run: CliRunner) -> None:
    done = run.invoke(app, ["artifacts", "publish", "--activate"])
    assert done.exit_code == 3
    assert "ARTIFACT_INVALID" in done.stderr


def test_the_dashboard_tells_what_ran(run: CliRunner) -> None:
    assert run.invoke(app, ["smoke"]).exit_code == 0

    def whole() -> dict[tuple[str, str, str], float]:
        done = run.invoke(app, ["dashboard", "--json"])
        assert done.exit_code == 0, done.output
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {(line["board"], line["chart"], line["line"]): line["whole"] or 0.0 for line in lines}

    wanted = {
        ("documents", "Jobs per minute", "in"),
        ("documents", "Jobs per minute", "read"),
        ("documents", "Pages per minute", "planned"),
        ("documents", "Time of a document, p90", "p90"),
        ("documents", "Duration, p90", "rotation"),
        ("ocr-async", "Instances", "instances"),
        ("text-detection-realtime", "Instances", "instances"),
    }
    assert eventually(lambda: wanted <= {line for line, value in whole().items() if value}, 30)


def test_the_local_cloud_publishes_no_metric_that_aws_would_not(run: CliRunner, site: Site) -> None:
    assert run.invoke(app, ["smoke", "--realtime"]).exit_code == 0
    pages = site.connection.client("cloudwatch").get_paginator("list_metrics").paginate()
    told = {
        (
            metric["Namespace"],
            tuple(sorted(one["Name"] for one in metric["Dimensions"])),
            metric["MetricName"],
        )
        for page in pages
        for metric in page["Metrics"]
        if metric["Namespace"] != "AWS/S3"  # moto's own, of buckets
    }
    assert told
    assert not {one for one in told if one[2] not in PUBLISHED.get(one[:2], {})}


def test_two_calls_of_plain_boto3_read_a_page(run: CliRunner, site: Site) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "deploy.md").read_text(), re.M | re.S)
    script = example.replace('"prod"', '"local"').replace('open("page.png", "rb")', "io.BytesIO(page())")
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    done = subprocess.run(
        [sys.executable, "-c", f"import io\nfrom hybrid_ocr.smoke import page\n{script}"],
        env={**os.environ, **keys, "AWS_DEFAULT_REGION": site.names.region},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert sorted(done.stdout.split()) == sorted(" ".join(LINES).split())
