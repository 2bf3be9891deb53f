"""The smoke test of a deployment and the publishing of artefacts, against a whole local cloud."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from tests.flow.site import Site


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
