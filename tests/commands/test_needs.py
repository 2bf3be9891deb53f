"""What people are told who installed less than a command needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement

from hybrid_ocr.needs import CHECKOUT_FOLDERS, MISSING
from tests.conftest import ROOT

ABSENT = """
import json, sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

absent, sys.argv[1:] = json.loads(sys.argv[1])
sys.meta_path.insert(0, Absent())
"""
PAGE = "hybrid_ocr/smoke_page.png"
COMMAND = ABSENT + "from hybrid_ocr.cli import main; main()"
EVERY_HELP = """
from typer.main import get_command
from typer.testing import CliRunner
from hybrid_ocr.cli import app

def walk(command, words):
    for flag in ("-h", "--help"):
        done = CliRunner().invoke(app, [*words, flag])
        print(*words, flag, done.exit_code, "Usage" in done.stdout, sep="\\t")
    for name, inner in getattr(command, "commands", {}).items():
        walk(inner, [*words, name])

walk(get_command(app), [])
"""


def run(
    code: str, absent: Iterable[str], *arguments: str, module: str = "-c"
) -> subprocess.CompletedProcess[str]:
    told = json.dumps([sorted(absent), arguments])
    return subprocess.run(
        [sys.executable, module, code, told],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )


def beyond_the_base() -> set[str]:
    """Top-level modules of every distribution here that `pip install hybrid-ocr` does not bring."""
    base, new = set(), {"hybrid-ocr"}
    while new:
        base |= new
        wanted = [Requirement(line) for name in new for line in requires(name) or ()]
        here = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
        new = {one.name.lower() for one in here} - base
    names = {name.replace("_", "-") for name in base}
    return {
        module
        for module, distributions in packages_distributions().items()
        if not names & {name.lower().replace("_", "-") for name in distributions}
    }


def test_every_command_has_its_help_with_the_base_package_alone() -> None:
    absent = beyond_the_base()
    assert {"boto3", "numpy", "PIL", "cv2"} - absent == {"numpy"}
    done = run(ABSENT + EVERY_HELP, absent | CHECKOUT_FOLDERS)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) > 30, done.stderr
    assert [line for line in lines if line[-2:] != ["0", "True"]] == []


@pytest.mark.parametrize(
    ("arguments", "absent", "said"),
    [
        (["submit", "scan.pdf"], "boto3", "submit needs the package boto3: pip install 'hybrid-ocr[client]'"),
        (["jobs"], "botocore", "jobs needs the package botocore: pip install 'hybrid-ocr[client]'"),
        (["dashboard"], "boto3", "dashboard needs the package boto3: pip install 'hybrid-ocr[client]'"),
        (
            ["submit", "scan.pdf", "--wait", "--test", "--truth", "truth.csv"],
            "shapely",
            "submit --truth needs the package shapely: pip install 'hybrid-ocr[evaluation]'",
        ),
        (
            ["submit", "scan.pdf", "--wait", "--test", "--truth", "truth.csv"],
            "rapidfuzz",
            "submit --truth needs the package rapidfuzz: pip install 'hybrid-ocr[evaluation]'",
        ),
        (
            ["scale", "tune", "--trace", "office-hours"],
            "optuna",
            "scale tune needs the package optuna: pip install 'hybrid-ocr[autoscale]'",
        ),
        (
            ["read", PAGE, "--on", "dev"],
            "boto3",
            "read --on dev needs the package boto3: pip install 'hybrid-ocr[read,client]'",
        ),
        (
            ["read", PAGE, "--on", "local"],
            "local_cloud",
            "read --on local needs the folder local_cloud/",
        ),
        (["read", PAGE], "PIL", "read needs the package PIL: pip install 'hybrid-ocr[read]'"),
        (["up"], "moto", "up needs the package moto: pip install 'hybrid-ocr[local]'"),
        (["up"], "local_cloud", "up needs the folder local_cloud/ of the repository"),
        (["dashboard"], "infra", "dashboard needs the folder infra/ of the repository"),
        (
            ["cost", "--stage", "dev"],
            "aws_cdk",
            "cost needs the package aws_cdk: pip install 'hybrid-ocr[infra]'",
        ),
        (["cost", "--stage", "dev"], "infra", "cost needs the folder infra/ of the repository"),
        (
            ["preflight", "--stage", "dev"],
            "boto3",
            "preflight needs the package boto3: pip install 'hybrid-ocr[client]'",
        ),
        (["preflight", "--stage", "dev"], "infra", "preflight needs the folder infra/ of the repository"),
        (["load"], "autoscaling", "load needs the folder autoscaling/ of the repository"),
        (["scale", "trace", "--trace", "x", "--out", "y"], "autoscaling", "scale trace needs the folder"),
        (["artifacts", "publish"], "model_artifacts", "artifacts publish needs the folder model_artifacts/"),
    ],
)
def test_what_is_missing_is_told_in_one_line(arguments: list[str], absent: str, said: str) -> None:
    done = run(COMMAND, {absent}, *arguments)
    assert done.returncode == MISSING
    assert not done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("hybrid-ocr: ")
    assert said in line
    assert ("git clone" in line) is (absent in CHECKOUT_FOLDERS)


@pytest.mark.parametrize(
    "arguments",
    [["submit", "scan.pdf", "--on", "local"], ["jobs", "--on", "local"], ["smoke", "--on", "local"]],
)
def test_speaking_to_a_deployment_needs_boto3_alone(arguments: list[str]) -> None:
    boto3 = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
    done = run(
        COMMAND,
        (beyond_the_base() | CHECKOUT_FOLDERS) - boto3,
        *arguments,
        "--endpoint-url",
        "http://127.0.0.1:9",
    )
    assert "nothing answers at http://127.0.0.1:9" in done.stderr


BENCH = ABSENT + "import runpy; sys.argv[1:], module = sys.argv[2:], sys.argv[1]; sys.argv[0] = module; "
BENCH += "runpy.run_module(module, run_name='__main__', alter_sys=True)"


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("evaluation.bench", []),
        ("evaluation.bench", ["start"]),
        ("evaluation.bench", ["memory"]),
        ("evaluation.bench", ["flow"]),
        ("autoscaling.bench", []),
    ],
)
def test_a_benchmark_answers_help_without_its_packages(module: str, words: list[str]) -> None:
    absent = {"psutil", "pikepdf", "shapely", "rapidfuzz", "cv2", "PIL", "moto", "boto3"}
    for flag in ("-h", "--help"):
        done = run(BENCH, absent, module, *words, flag)
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout.lower()


@pytest.mark.parametrize(
    ("module", "words", "absent"),
    [
        ("evaluation.bench", ["start"], "psutil"),
        ("evaluation.bench", ["soak"], "pikepdf"),
        ("evaluation.bench", [], "rapidfuzz"),
        ("evaluation.bench", ["flow"], "psutil"),
    ],
)
def test_a_benchmark_says_what_to_install(module: str, words: list[str], absent: str) -> None:
    done = run(BENCH, {absent}, module, *words)
    assert done.returncode == MISSING
    [line] = done.stderr.splitlines()
    assert line.endswith(f"needs the package {absent}: pip install 'hybrid-ocr[bench]'")


def test_a_fault_of_our_own_stays_one() -> None:
    code = "from hybrid_ocr.needs import needs\nwith needs('x', extra='y'): import hybrid_ocr.no_such_module"
    done = run(ABSENT + code, ())
    assert "ModuleNotFoundError: No module named 'hybrid_ocr.no_such_module'" in done.stderr
