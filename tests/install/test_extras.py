"""Every extra of pyproject.toml, alone in a fresh environment, does what it is for."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.conftest import ROOT
from tests.install.conftest import fetched_models
from tests.install.environments import Environment

pytestmark = [pytest.mark.install, pytest.mark.timeout(1800)]

LAMBDA: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    **{
        f"HYBRID_OCR_{name}": "x-y-z"
        for name in (
            "WORK_BUCKET",
            "ARTIFACTS_BUCKET",
            "RESULTS_BUCKET",
            "INBOX_BUCKET",
            "JOBS_TABLE",
            "TICKETS_TABLE",
            "EVENT_BUS",
        )
    },
    "HYBRID_OCR_MOST_EXECUTIONS": "10",
    "HYBRID_OCR_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:documents",
    "HYBRID_OCR_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dead",
    "HYBRID_OCR_TOPIC": "x",
}
"""What Lambda sets for the functions."""


class Use(NamedTuple):
    """One row of uses.toml."""

    extra: str
    line: str
    says: str = ""
    code: int = 0
    checkout: bool = False


USES: Final = [Use(**row) for row in tomllib.loads(Path(__file__).with_name("uses.toml").read_text())["use"]]
EXTRAS: Final = list(dict.fromkeys(use.extra for use in USES))
LEFT_OUT: Final = {
    "paddle": "a gigabyte; `make test-paddle` makes its environment and uses it",
    "registry": "half a gigabyte of SDK for one import",
    "dev": "the environment that runs the tests",
}


def test_every_extra_has_a_use() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {*EXTRAS, *LEFT_OUT} - {""} == set(extras)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_alone(
    extra: str, installed: Callable[[str], Environment], documents: Path, tmp_path: Path
) -> None:
    made = installed(extra)
    models = made.home / ".cache" / "hybrid-ocr" / "artifacts"
    models.mkdir(parents=True)
    fetched_models(models)
    user = Environment(made.folder, made.home, {"PYTHONDONTWRITEBYTECODE": "1", **LAMBDA})
    for use in (use for use in USES if use.extra == extra):
        environment = user
        if use.checkout:
            environment = Environment(
                user.folder,
                user.home,
                {**user.variables, "PYTHONPATH": str(ROOT), "HYBRID_OCR_ARTIFACTS": str(models)},
            )
        done = environment.shell(use.line, documents)
        assert done.returncode == use.code, f"{use.line}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        assert use.says in done.stdout, f"{use.line}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stdout + done.stderr


def test_one_name_reaches_site_packages(installed: Callable[[str], Environment], tmp_path: Path) -> None:
    listing = "import importlib.metadata as m; print(*{f.parts[0] for f in m.files('hybrid-ocr')})"
    names = set(installed("").run(["python", "-c", listing], tmp_path).stdout.split())
    assert {name for name in names if not name.endswith(".dist-info") and name != ".."} == {"hybrid_ocr"}
