"""What every host process shares: threads from the cgroup, settings, log lines."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_ocr import telemetry
from hybrid_ocr.contracts.errors import ConfigurationError, DocumentError
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.settings import ContainerSettings, load_settings

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({}, CORES),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, CORES),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense"}, CORES),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "100000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            CORES,
        ),
        ({"proc/self/cgroup": "0::/../../escape\n", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
    ],
)
def test_threads_are_what_the_cgroup_grants(tmp_path: Path, files: dict[str, str], threads: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert granted_threads(tmp_path) == threads


def test_part_of_a_core_more_is_a_thread_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("250000 100000\n")
    assert granted_threads(tmp_path) == 3


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HYBRID_OCR_PORT", "HYBRID_OCR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", "8123")
    monkeypatch.setenv("HYBRID_OCR_ENGINE", "onnxruntime-cuda")
    monkeypatch.setenv("HYBRID_OCR_OPTIONS", '{"script": "latin"}')
    settings = load_settings(ContainerSettings)
    assert (settings.port, settings.engine, settings.options) == (
        8123,
        "onnxruntime-cuda",
        {"script": "latin"},
    )
    assert settings.model_dir == Path("/opt/ml/model")
    assert settings.drain_seconds < 30
    assert settings.host == "127.0.0.1", "what asks nobody who he is answers this machine alone"


def test_every_setting_at_fault_is_named_and_no_value_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_OCR_ENGINE", "steam")
    monkeypatch.setenv("HYBRID_OCR_DRAIN_SECONDS", "30")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(ContainerSettings)
    assert "HYBRID_OCR_ENGINE" in caught.value.message
    assert "HYBRID_OCR_DRAIN_SECONDS" in caught.value.message
    assert "steam" not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """JSON logging into a buffer; everything is put back afterwards."""
    root, shown = logging.getLogger(), warnings.showwarning
    before, hooks = (root.handlers[:], root.level), (sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    telemetry.configure(stream=stream, stage="test")
    yield stream
    root.handlers[:], warnings.showwarning = before[0], shown
    root.setLevel(before[1])
    sys.excepthook, threading.excepthook = hooks


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_has_its_fields(log_lines: io.StringIO) -> None:
    logging.getLogger("hybrid_ocr.somewhere").info("answered\n", extra=telemetry.fields(pages=3, code=None))
    (line,) = lines(log_lines)
    assert (line["level"], line["stage"], line["pages"]) == ("INFO", "test", 3)
    assert "code" not in line


def test_an_exception_keeps_its_frames_but_not_what_it_quotes(log_lines: io.StringIO) -> None:
    def read() -> None:
        raise ValueError("a line of the document")

    try:
        try:
            read()
        except ValueError as error:
            raise DocumentError("page 3 cannot be decoded") from error
    except DocumentError:
        logging.getLogger("hybrid_ocr.x").exception("failed")
    (line,) = lines(log_lines)
    exception = line["exception"]
    assert isinstance(exception, dict)
    assert exception["message"] == "page 3 cannot be decoded"
    assert exception["cause"]["type"] == "ValueError"
    assert any(frame.endswith(" read") for frame in exception["cause"]["frames"])
    assert "a line of the document" not in log_lines.getvalue()


def test_foreign_messages_warnings_and_uncaught_exceptions_keep_no_text(log_lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("cannot parse a line of the document")
    warnings.showwarning("a line of the document", UserWarning, "lib.py", 7)
    thread = threading.Thread(target=lambda: {}["a line of the document"])
    thread.start()
    thread.join()
    foreign, warning, crash = lines(log_lines)
    assert foreign["logger"] == "some.library"
    assert warning["at"] == "lib.py:7"
    assert crash["level"] == "CRITICAL"
    assert "a line of the document" not in log_lines.getvalue()
