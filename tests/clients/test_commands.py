"""The commands as people and scripts use them: what is printed where, and which exit code."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from hybrid_ocr.clients import JobStatus
from hybrid_ocr.contracts.events import TestRun
from hybrid_ocr.contracts.jobs import Job
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.contracts.names import Names
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
            done = command("submit", scan, "--wait", "--timeout", 60)
        assert (done.code, done.out) == (0, "Grüß Gott\n2. Zeile\n")
        assert "accept" in done.err
        assert "1 of 1 pages" in done.err

    def test_one_that_was_read_in_part_ends_with_1(
        self, command: Command, local: Deployment, scan: Path
    ) -> None:
        finding = Finding(rule="page-lost", severity="error", page=2, message="page 2 was lost\x1b[31m")
        with Worker(local, reads("half", status="partial", verdict="review", findings=(finding,))):
            done = command("submit", scan, "--wait", "--timeout", 60)
        assert done.code == 1
        assert "page-lost" in done.err
        assert "\x1b[31m" not in done.err, "text of a document commands no terminal"

    def test_one_that_failed_ends_with_1_and_says_why(
        self, command: Command, local: Deployment, scan: Path
    ) -> None:
        with Worker(local, None):
            done = command("submit", scan, "--wait", "--timeout", 60, "--pages", FAILS)
        assert done.code == 1
        assert "ENCRYPTED_DOCUMENT scan.png: asks for a password" in done.err

    def test_quiet_says_nothing_beside_the_text_and_verbose_all(
        self, command: Command, local: Deployment, scan: Path
    ) -> None:
        finding = Finding(rule="page-tilted", severity="info", page=1, message="turned by 2 degrees")
        model = ModelIdentity(name="reader", version="1", sha256="a" * 64)
        wait = ("submit", scan, "--wait", "--timeout", 60)
        with Worker(local, reads("text", findings=(finding,), models={"ocr": model})):
            quiet, usual, verbose = (command(*wait, *more) for more in (["-q"], [], ["--verbose"]))
        assert (quiet.out, quiet.err) == ("text\n", "")
        assert "page-tilted" not in usual.err
        assert "page-tilted turned by 2 degrees" in verbose.err
        assert "ocr: reader 1 aaaaaaaaaaaa" in verbose.err

    @pytest.mark.parametrize("name", ["Rechnung Mai (2).png", "100 % «done»;#1 ñ.png"])
    def test_a_document_is_called_as_its_owner_calls_it(
        self, command: Command, local: Deployment, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / name).write_bytes(PNG)
        with Worker(local, reads("text")):
            done = command("submit", tmp_path / name, "--wait", "--timeout", 60)
        assert done.code == 0, done.err
        assert f"  {name}  " in done.err
        assert "s3://" not in done.err
        [job] = command("jobs", "--limit", 1).out.splitlines()
        assert job.split("\t")[-1] == name

    def test_a_name_that_is_no_utf_8_is_read_all_the_same(self, local: Deployment, tmp_path: Path) -> None:
        file = os.fsencode(tmp_path) + b"/scan\xff.png"
        Path(os.fsdecode(file)).write_bytes(PNG)
        absent = os.fsencode(tmp_path) + b"/absent\xff.png"
        with Worker(local, reads("text")):
            command = [sys.executable, "-m", "hybrid_ocr", "submit"]
            done = subprocess.run([*command, file, "--wait"], capture_output=True, timeout=120, check=False)
            refused = subprocess.run([*command, absent], capture_output=True, timeout=120, check=False)
        assert (done.returncode, done.stdout) == (0, b"text\n"), done.stderr
        assert "scan_.png" in done.stderr.decode()
        assert refused.returncode == 1
        assert "absent�.png: No such file" in refused.stderr.decode()

    def test_json_is_the_result(self, command: Command, local: Deployment, scan: Path) -> None:
        with Worker(local, reads("text")):
            done = command("submit", scan, "--wait", "--timeout", 60, "--json")
        assert DocumentResult.model_validate_json(done.out).text == "text"

    def test_a_test_is_scored_against_its_truth(
        self, command: Command, local: Deployment, scan: Path, tmp_path: Path
    ) -> None:
        truth = tmp_path / "truth.csv"
        truth.write_text("10,0,190,0,190,15,10,15,first line\n10,20,190,20,190,35,10,35,second line\n")
        arguments = ("submit", scan, "--wait", "--timeout", 60, "--test", "--truth", truth)
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
        assert "document  scan.png" in done.out
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
        local.start(job)
        done = command("result", job.job_id)
        assert done.code == 3
        assert "NOT_READY" in done.err


class TestJobs:
    def test_on_a_pipe_a_line_a_job_for_cut_and_awk(self, command: Command, local: Deployment) -> None:
        job = a_job(0xC1 << 120, pages=RUNS_ON)
        local.start(job)
        done = command("jobs", "--limit", 1)
        assert done.code == 0
        fields = done.out.rstrip("\n").split("\t")
        assert fields[:4] == [job.job_id, "1", "running", ""]
        assert fields[-2:] == ["", "scan.png"], "no test, and the document as its owner calls it"

    def test_a_test_is_marked(self, command: Command, local: Deployment) -> None:
        local.start(a_job(0xC3 << 120).model_copy(update={"test": TestRun(id="smoke-1")}))
        [line] = command("jobs", "--limit", 1).out.splitlines()
        assert line.split("\t")[-2:] == ["smoke-1", "scan.png"]

    def test_on_a_terminal_tests_stand_apart(self, local: Deployment) -> None:
        local.start(a_job(0xC4 << 120))
        local.start(a_job(0xC5 << 120).model_copy(update={"test": TestRun(id="smoke-2")}))
        shown = on_a_terminal("jobs", "--limit", "2")
        earnest, apart = shown.split("tests, which reach no production rule")
        assert "c4000000" in earnest
        assert "c5000000" in apart
        assert "document" in earnest
        assert "document" in apart

    def test_on_a_terminal_there_is_a_heading_before_the_first_job(self, local: Deployment) -> None:
        local.table(Names(stage="empty"))
        shown = on_a_terminal("jobs", "--on", "empty")
        assert shown.split() == [
            "job",
            "document",
            "attempt",
            "state",
            "outcome",
            "pages",
            "submitted",
            "took",
        ]

    def test_as_json_an_object_a_line(self, command: Command, local: Deployment) -> None:
        job = a_job(0xC2 << 120)
        local.start(job)
        done = command("jobs", "--limit", 1, "--json")
        assert JobStatus.model_validate_json(done.out).job_id == job.job_id


class TestRedrive:
    def test_starts_the_next_attempt(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD1 << 120)
        local.start(job)
        with Worker(local, None):
            done = command("redrive", job.job_id, "--json")
        assert json.loads(done.out) == {"job_id": job.job_id, "attempt": 2}

    def test_waits_for_the_result_of_that_attempt(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD2 << 120)
        local.put_result(a_result(job.job_id, "before"), attempt=1)
        local.put_result(a_result(job.job_id, "after"), attempt=2)
        local.start(job)
        with Worker(local, None):
            done = command("redrive", job.job_id, "--wait", "--timeout", 60)
        assert (done.code, done.out) == (0, "after\n")

    def test_leaves_one_alone_that_runs(self, command: Command, local: Deployment) -> None:
        job = a_job(0xD3 << 120, pages=RUNS_ON)
        local.start(job)
        done = command("redrive", job.job_id)
        assert done.code == 2
        assert "still running" in done.err


def on_a_terminal(*arguments: str) -> str:
    """What a command shows on a terminal of 120 columns, without its colours."""
    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    command = [sys.executable, "-m", "hybrid_ocr", *arguments]
    with subprocess.Popen(
        command, stdout=keyboard, stderr=keyboard, env=os.environ | {"TERM": "xterm"}
    ) as shows:
        os.close(keyboard)
        told = b""
        with contextlib.suppress(OSError):  # which Linux raises at the end of a terminal
            while some := os.read(screen, 4096):
                told += some
        os.close(screen)
        assert shows.wait(60) == 0, told
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told.decode())


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").out == f"hybrid-ocr {version('hybrid-ocr')}\n"


@pytest.mark.parametrize("command", [["submit", "scan.pdf"], ["result", "0" * 32], ["redrive", "0" * 32]])
def test_quiet_and_verbose_together_are_refused(command: list[str]) -> None:
    done = run(*command, "-q", "-v")
    assert (done.code, done.out) == (2, "")
    assert "--quiet and --verbose: choose one" in done.err


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
