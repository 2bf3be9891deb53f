"""The command itself, as a user runs it: real models, real servers, files on disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from PIL import Image

from evaluation.metrics import count_words
from hybrid_ocr.contracts.result import DocumentResult

COMMAND = [sys.executable, "-m", "hybrid_ocr", "read"]
FILES = ["report.html", "result.hocr", "result.json", "result.md", "result.pdf", "result.txt"]


@dataclass(frozen=True)
class Run:
    code: int
    stdout: str
    stderr: str
    out: Path

    def result(self, name: str) -> DocumentResult:
        return DocumentResult.model_validate_json((self.out / name / "result.json").read_bytes())


def read(out: Path, *arguments: str | Path) -> Run:
    command = [*COMMAND, *map(str, arguments), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    return Run(done.returncode, done.stdout, done.stderr, out)


@pytest.fixture(scope="module")
def sample_run(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(tmp_path_factory.mktemp("samples"), samples, "--script", "latin")


def test_samples_are_read_whole(sample_run: Run) -> None:
    assert sample_run.code == 0, sample_run.stderr
    for name in ("article", "invoice", "letter", "receipt"):
        assert sorted(path.name for path in (sample_run.out / name).iterdir()) == FILES
        assert sample_run.result(name).status == "completed"


@pytest.mark.parametrize(
    ("name", "least"), [("article", 0.97), ("invoice", 0.9), ("letter", 0.95), ("receipt", 0.9)]
)
def test_samples_are_read_right(sample_run: Run, samples: Path, name: str, least: float) -> None:
    truth = json.loads((samples / f"{name}.truth.json").read_text())
    scores = count_words([truth["text"]], [sample_run.result(name).text])
    assert scores.f1 >= least


def test_turned_pages_stand_upright(sample_run: Run, samples: Path) -> None:
    truth = json.loads((samples / "article.truth.json").read_text())
    for page, true in zip(sample_run.result("article").pages, truth["pages"], strict=True):
        assert page.rotation.quadrant == true["quadrant"]
        assert page.rotation.skew_degrees == pytest.approx(true["skew_degrees"], abs=0.3)


def test_every_model_that_answered_is_named(sample_run: Run) -> None:
    models = sample_run.result("letter").models
    assert set(models) == {"rotation", "region_detection", "text_detection", "ocr"}
    assert models["ocr"].name == "pp-ocrv6-small-rec-latin"


def test_the_text_is_on_screen_and_the_report_named(sample_run: Run) -> None:
    assert "Bixby" in sample_run.stdout
    assert str(sample_run.out / "letter" / "report.html") in sample_run.stderr


def test_bad_documents_end_in_their_codes_and_good_ones_are_read(samples: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "empty.pdf").touch()
    (inbox / "text.png").write_text("not an image")
    photo = (samples / "letter.jpg").read_bytes()
    (inbox / "cut.jpg").write_bytes(photo[: len(photo) // 2])
    Image.new("1", (1000, 1400), 1).save(inbox / "blank.tif")
    (inbox / "good\u202ename.jpg").write_bytes(photo)
    os.mkfifo(tmp_path / "pipe.pdf")
    run = read(tmp_path / "out", inbox, tmp_path / "pipe.pdf", "--json")
    assert run.code == 1
    results = {Path(line["source"]).name: line for line in map(json.loads, run.stdout.splitlines())}

    def code(name: str) -> str | None:
        result = results[name]
        error = next((page["error"] for page in result["pages"] if page["error"]), None)
        return (error or {}).get("code") or next(f["message"] for f in result["findings"])

    assert "EMPTY_FILE" in str(code("empty.pdf"))
    assert "UNSUPPORTED_FORMAT" in str(code("text.png"))
    assert "TRUNCATED_IMAGE" in str(code("cut.jpg"))
    assert "UNSUPPORTED_FORMAT" in str(code("pipe.pdf"))
    assert "page_blank" in {finding["rule"] for finding in results["blank.tif"]["findings"]}
    good = results["good\u202ename.jpg"]
    assert good["status"] == "completed"
    assert "Bixby" in good["text"]
    assert (run.out / "good_name" / "result.json").is_file()
    assert results["cut.jpg"]["status"] == "failed"


def test_only_the_pages_asked_for(samples: Path, tmp_path: Path) -> None:
    run = read(tmp_path, samples / "article.pdf", "--pages", "2-", "--formats", "json,txt")
    assert run.code == 0, run.stderr
    assert [page.number for page in run.result("article").pages] == [2, 3]
    assert sorted(path.name for path in (tmp_path / "article").iterdir()) == ["result.json", "result.txt"]


def test_the_flow_says_what_the_process_says(sample_run: Run, samples: Path, tmp_path: Path) -> None:
    run = read(
        tmp_path, samples / "receipt.png", samples / "letter.jpg", "--script", "latin", "--on", "local"
    )
    assert run.code == 0, run.stderr
    for name in ("receipt", "letter"):
        there, here = run.result(name), sample_run.result(name)
        assert (there.text, there.source, there.models) == (here.text, here.source, here.models)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == FILES
    assert "s3://" not in (tmp_path / "letter" / "report.html").read_text()


def test_standard_input_is_a_document(samples: Path, tmp_path: Path) -> None:
    with (samples / "letter.jpg").open("rb") as letter:
        done = subprocess.run(
            [*COMMAND, "-", "-o", str(tmp_path), "-q"], stdin=letter, capture_output=True, check=False
        )
    assert done.returncode == 0
    assert b"Bixby" in done.stdout
    assert done.stderr == b""
    assert (tmp_path / "stdin" / "report.html").is_file()


def test_a_name_that_is_no_utf8_is_read_with_the_others(samples: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    photo = (samples / "letter.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"plain.jpg"):
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_bytes(photo)
    run = read(tmp_path / "out", inbox)
    assert run.code == 0, run.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert "caf\N{REPLACEMENT CHARACTER}.jpg" in run.stderr


def test_the_result_of_another_document_is_not_overwritten(samples: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "scan.jpg", tmp_path / "b" / "scan.jpg"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes((samples / "letter.jpg").read_bytes())
    out = tmp_path / "out"
    assert read(out, first, "--formats", "json").code == 0
    refused = read(out, second, "--formats", "json")
    assert refused.code == 2
    assert str(first) in refused.stderr
    assert "--force" in refused.stderr
    assert read(out, first, "--formats", "json").code == 0  # again is fine
    skipped = read(out, second, "--formats", "json", "--skip-existing")
    assert (skipped.code, skipped.stdout) == (0, "")
    assert "skipped" in skipped.stderr
    assert read(out, second, "--formats", "json", "--force").code == 0
    assert read(out, "--force", second).result("scan").source == str(second)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--pages", "3-1"], "3-1"),
        (["--pages", "one"], "one"),
        (["--engine", "magic"], "magic"),
        (["--out"], "out"),
        (["--formats", "json,docx"], "docx"),
        (["--script", "klingon"], "klingon"),
        (["--force", "--skip-existing"], "exclude"),
        (["--on", "prod", "--engine", "onnxruntime-cpu"], "--engine"),
        (["gone.pdf", "lost.png"], "no gone.pdf, no lost.png"),
        (["-"], "standard input"),
    ],
)
def test_a_wrong_command_line_is_2(
    samples: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    command = [*COMMAND, str(samples / "letter.jpg"), *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "letter").exists()


def test_wrong_rules_are_found_before_anything_is_read(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[rules.no_such_rule]\n")
    run = read(tmp_path / "out", samples / "letter.jpg", "--rules", tmp_path / "rules.toml")
    assert run.code == 2
    assert "no_such_rule" in run.stderr


def test_an_engine_that_is_not_here_is_3_and_says_how(samples: Path, tmp_path: Path) -> None:
    run = read(tmp_path, samples / "letter.jpg", "--engine", "onnxruntime-cuda")
    assert run.code == 3
    assert "hybrid-ocr[read,gpu]" in run.stderr


def test_an_output_folder_that_cannot_be_made_is_3(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = read(tmp_path / "file", samples / "letter.jpg")
    assert run.code == 3
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("where", ["process", "local"])
def test_an_interrupted_call_says_what_was_finished(samples: Path, tmp_path: Path, where: str) -> None:
    command = [*COMMAND, str(samples / "letter.jpg"), str(samples / "article.pdf"), "-o", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--on", where, "--formats", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        assert process.stdout
        while "Bixby" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode in {0, 130}  # it may just have been done
    if process.returncode == 130:
        assert "of 2 documents were finished" in told
    assert "letter.jpg" in told
    assert "Traceback" not in told


@pytest.fixture
def running(samples: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [*COMMAND, str(samples), "--out", str(tmp_path), "--on", "local"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell starts its background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(running: subprocess.Popen[bytes], number: signal.Signals) -> None:
    parent = psutil.Process(running.pid)
    deadline = time.monotonic() + 120
    while len(children := parent.children(recursive=True)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) >= 4
    os.kill(running.pid, number)
    code = running.wait(timeout=120)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
