"""The commands as people and scripts use them: what is printed where, and which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from hybrid_ocr.clients import JobStatus
from hybrid_ocr.contracts.jobs import Job
from hybrid_ocr.contracts.result import DocumentResult, Finding
from tests.clients.deployment import FAILS, RUNS_ON, Deployment, Worker
from tests.clients.results import a_job, a_result

PNG = b"\x89PNG\r\n\x1a\n and more"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


Command = Callable[..., Run]


@pytest.fixture
def command(local: Deployment) -> Command:
    return run


def run(*arguments: object) -> Run:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return Run(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    file = tmp_path / "scan.png"
    file.write_bytes(PNG)
    return file


def reads(*texts: str, **changes: object) -> Callable[[Job], DocumentResult]:
    """Reads every document as these lines."""

    def read(job: Job) -> DocumentResult:
        return a_result(job.job_id, *texts, source=job.source).model_copy(update=changes)

    return read


class TestSubmit:
    def test_prints_the_id_and_nothing_else(self, command: Command, local: Deployment, scan: Path) -> None:
        done = command("submit", scan)
        assert done.code == 0
        _, submitted = local.submitted()
        assert done.out == f"{local.job_of(submitted).job_id}\n"

    def test_waits_and_prints_what_was_read(self, command: Command, local: Deployment, scan: Path) -> None:
        with Worker(local, reads("Grüß Gott", "2. Zeile")):
            done = command("submit", scan, "--wait", "--timeout", 20)
        assert (done.code, done.out) == (0, "Grüß Gott\n2. Zeile\n")
        assert "accept" in done.err
        assert "1 of 1 pages" in done.err

    def test_one_that_was_read_in_part_ends_with_1(
        self, command: Command, local: Deployment, scan: Path
    ) -> None:
        finding = Finding(rule="page-lost", severity="error", page=2, message="page 2 was lost\x1b[31m")
        with Worker(local, reads("half", status="partial", verdict="review", findings=(finding,))):
            done = command("submit", scan, "--wait", "--timeout", 20)
        assert done.code == 1
        assert "page-lost" in done.err
        assert "\x1b[31m" not in done.err, "text of a document commands no terminal"

    def test_one_that_failed_ends_with_1_and_says_why(
        self, command: Command, local: Deployment, scan: Path
    ) -> None:
        with Worker(local, None):
            done = command("submit", scan, "--wait", "--timeout", 20, "--pages", FAILS)
        assert done.code == 1
        assert "ENCRYPTED_DOCUMENT asks for a password" in done.err

    def test_json_is_the_result(self, command: Command, local: Deployment, scan: Path) -> None:
        with Worker(local, reads("text")):
            done = command("submit", scan, "--wait", "--timeout", 20, "--json")
        assert DocumentResult.model_validate_json(done.out).text == "text"

    def test_a_test_is_scored_against_its_truth(
        self, command: Command, local: Deployment, scan: Path, tmp_path: Path
    ) -> None:
        truth = tmp_path / "truth.csv"
        truth.write_text("10,0,190,0,190,15,10,15,first line\n10,20,190,20,190,35,10,35,second line\n")
        arguments = ("submit", scan, "--wait", "--timeout", 20, "--test", "--truth", truth)
        with Worker(local, reads("first line", "second lime")):
            told, as_json = command(*arguments), command(*arguments, "--json")
        assert told.code == 0
        assert told.out == "first line\nsecond lime\n", "the score is no part of the text"
        assert "word recall" in told.err
        assert "0.7500" in told.err
        result, score = as_json.out.splitlines()
        assert DocumentResult.model_validate_json(result).text == told.out.rstrip("\n")
        assert json.loads(score)["score"] == {
            "word_recall": 0.75,
            "word_precision": 0.75,
            "line_h_mean": 1.0,
            "character_error_rate": pytest.approx(1 / 19),
        }

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["no-such-file.pdf"], 1, "SOURCE_NOT_FOUND no-such-file.pdf"),
            (["s3://bucket/../key"], 2, "relative path segment"),
            (["SCAN", "--pages", "all"], 2, "pages"),
            (["SCAN", "--truth", "truth.csv"], 2, "--test"),
            (["SCAN", "--wait", "--test", "--truth", "no-such-truth.csv"], 2, "no-such-truth.csv"),
            (["SCAN", "--wait", "--test", "--truth", "truth.docx"], 2, "no truth that is known"),
            (["SCAN", "--wait", "--timeout", "1"], 3, "STAGE_TIMEOUT"),
            (["SCAN", "--on", "other"], 3, "stage other"),
            (["SCAN", "--on", "process"], 2, "only `read`"),
            (["SCAN", "--wait", "--timeout", "soon"], 2, "timeout"),
            ([], 2, "Missing argument"),
        ],
    )
    def test_what_goes_wrong_is_told_in_a_line_and_a_code(
        self, command: Command, scan: Path, arguments: list[str], code: int, said: str
    ) -> None:
        done = command("submit", *[str(scan) if part == "SCAN" else part for part in arguments])
        assert done.code == code
        assert said in done.err
        assert "Traceback" not in done.err
        assert not done.out


class TestStatus:
    def test_of_a_job_by_the_start_of_its_id(self, command: Command, local: Deployment) -> None:
        job = a_job(0xA1 << 120)
        local.start(job)
        done = command("status", job.job_id[:8])
        assert done.code == 0
        assert job.job_id in done.out
        assert job.source in done.out

    def test_of_one_that_failed(self, command: Command, local: Deployment) -> None:
        job = a_job(0xA2 << 120, pages=FAILS)
        local.start(job)
        done = command("status", job.job_id, "--json")
        while JobStatus.model_validate_json(done.out).state == "running":
            done = command("status", job.job_id, "--json")
        assert done.code == 1
        error = JobStatus.model_validate_json(done.out).error
        assert error
        assert error.code == "ENCRYPTED_DOCUMENT"

    def test_of_one_that_never_was(self, command: Command) -> None:
        done = command("status", "f" * 32)
        assert (done.code, done.out) == (2, "")
        assert "SOURCE_NOT_FOUND" in done.err


class TestResult:
    def test_text_on_standard_output_and_files_where_asked(
        self, command: Command, local: Deployment, tmp_path: Path
    ) -> None:
        job = a_job(0xB1 << 120)
        local.put_result(a_result(job.job_id, "text"), result_txt=b"text", report_html=b"<html>")
        done = command("result", job.job_id, "--out", tmp_path / "out")
        assert (done.code, done.out) == (0, "text\n")
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
            "report.html",
            "result.json",
            "result.txt",
        ]
        assert "report.html" in done.err

    def test_of_a_job_that_still_runs(self, command: Command, local: Deployment) -> None:
        job = a_job(0xB2 << 120, pages=RUNS_ON)
        execution = local.start(job)
        done = command("result", job.job_id)
        local.flow.stop_execution(executionArn=execution)
        assert done.code == 3
        assert "NOT_READY" in done.err


class TestJobs:
    def test_on_a_pipe_a_line_a_job_for_cut_and_awk(self, command: Command, local: Deployment) -> None:
        job = a_job(0xC1 << 120, pages=RUNS_ON)
        execution = local.start(job)
        done = command("jobs", "--limit", 1)
        local.flow.stop_execution(executionArn=execution)
        assert done.code == 0
        fields = done.out.rstrip("\n").split("\t")
        assert fields[:4] == [job.job_id, "1", "running", ""]
        assert fields[-1] == job.source

    def test_as_json_an_object_a_line(self, command: Command, local: Deployment) -> None:
        job = a_job(0xC2 << 120)
        local.start(job)
        done = command("jobs", "--limit", 1, "--json")
        assert JobStatus.model_validate_json(done.out).job_id == job.job_id


class TestRedrive:
    def test_starts_the_next_attempt(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD1 << 120)
        execution = local.start(job)
        while local.flow.describe_execution(executionArn=execution)["status"] == "RUNNING":
            pass
        done = command("redrive", job.job_id, "--json")
        assert json.loads(done.out) == {"job_id": job.job_id, "attempt": 2}

    def test_waits_for_the_result_of_that_attempt(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD2 << 120)
        local.put_result(a_result(job.job_id, "before"), attempt=1)
        local.put_result(a_result(job.job_id, "after"), attempt=2)
        execution = local.start(job)
        while local.flow.describe_execution(executionArn=execution)["status"] == "RUNNING":
            pass
        done = command("redrive", job.job_id, "--wait", "--timeout", 20)
        assert (done.code, done.out) == (0, "after\n")

    def test_leaves_one_alone_that_runs(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD3 << 120, pages=RUNS_ON)
        execution = local.start(job)
        done = command("redrive", job.job_id)
        local.flow.stop_execution(executionArn=execution)
        assert done.code == 2
        assert "still running" in done.err


@pytest.mark.parametrize("command", [["jobs"], ["status", "0" * 32], ["submit", "scan.pdf"]])
def test_without_a_cloud_one_line_says_what_to_do(command: list[str]) -> None:
    done = run(*command)
    assert (done.code, done.out) == (3, "")
    [line] = done.err.splitlines()
    assert "hybrid-ocr up" in line


def test_whoever_stops_reading_is_no_error(local: Deployment) -> None:
    local.start(a_job(0xE1 << 120))
    line = f"{sys.executable} -m hybrid_ocr jobs --limit 100 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, 141}
    assert not done.stderr
