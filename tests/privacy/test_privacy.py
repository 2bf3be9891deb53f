"""Nothing of ours calls home: no name is looked up, no call leaves this machine, nothing lies in HOME."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any, Final

import pytest

from hybrid_ocr.artifacts import artifacts_root
from tests.flow.site import Site, eventually
from tests.patience import PATIENCE

ROOT: Final = Path(__file__).resolve().parents[2]
SUPPRESSING: Final = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME"}
"""Variables with which libraries keep quiet that would not otherwise."""
LOAD: Final = """
import sys, time
from pathlib import Path
from hybrid_ocr.engines import NetworkSpec, load_network
load_network(sys.argv[1], NetworkSpec(onnx=Path(sys.argv[2]), precision="f32"))
time.sleep(1)
"""


@dataclass(frozen=True)
class Watched:
    """Processes with an empty home directory whose calls and files are written down; see watch.py."""

    folder: Path

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        copyfile(Path(__file__).with_name("watch.py"), self.folder / "sitecustomize.py")
        told = {"log": str(self.log), "homes": [str(self.home)]}
        (self.folder / "watch.json").write_text(json.dumps(told), "utf-8")

    @property
    def home(self) -> Path:
        """The home directory."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """Where all of it is written down."""
        return self.folder / "watched.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """With which a process, and every process that it starts, is watched."""
        kept = {name: value for name, value in os.environ.items() if name not in SUPPRESSING}
        return kept | {
            "HOME": str(self.home),
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYBRID_OCR_ARTIFACTS": str(artifacts_root()),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python to its end."""
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
        )

    def lines(self, *what: str) -> list[Mapping[str, Any]]:
        """What was written down of these kinds; without any, of all but the starts of processes."""
        told = [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]
        return [line for line in told if (line["what"] in what if what else line["what"] != "start")]

    def assert_quiet(self) -> None:
        """Nobody called out, and the home directory is as it was."""
        assert self.lines() == []
        assert list(self.home.rglob("*")) == []


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "watched")


@pytest.mark.parametrize(
    ("code", "what", "which"),
    [
        ("import socket; socket.getaddrinfo('example.com', 80)", "socket.getaddrinfo", "example.com"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", "socket.getaddrinfo", "192.0.2.1"),
        (
            "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 9))",
            "socket.sendto",
            "192.0.2.1",
        ),
        ("from pathlib import Path; Path.home().joinpath('a').mkdir()", "os.mkdir", "a"),
        ("from pathlib import Path; Path.home().joinpath('b').write_text('')", "open", "b"),
    ],
    ids=["name", "connection", "datagram", "folder", "file"],
)
def test_what_must_not_be_is_seen(watched: Watched, code: str, what: str, which: str) -> None:
    watched.run("-c", code)
    [line] = watched.lines()
    assert line["what"] == what
    assert line["which"].endswith(which)
    with pytest.raises(AssertionError):
        watched.assert_quiet()


def test_openvino_by_itself_would_call_home(watched: Watched) -> None:
    """So the tests below would fail if we did not stop it."""
    done = watched.run("-c", "import openvino, time; time.sleep(1)")
    assert done.returncode == 0, done.stderr
    with pytest.raises(AssertionError):
        watched.assert_quiet()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime-cpu"])
def test_a_network_is_loaded_in_silence(watched: Watched, engine: str) -> None:
    done = watched.run("-c", LOAD, engine, str(_artifact() / "inference.onnx"))
    assert done.returncode == 0, done.stderr
    watched.assert_quiet()


def test_a_document_is_read_in_silence(watched: Watched, samples: Path, tmp_path: Path) -> None:
    _artifact()
    done = watched.run(
        "-m", "hybrid_ocr", "read", str(samples / "receipt.png"), "--out", str(tmp_path / "out")
    )
    assert done.returncode == 0, done.stderr
    assert "TOTAL" in done.stdout.upper()
    assert any("hybrid_ocr.opening" in " ".join(line["command"]) for line in watched.lines("start"))
    watched.assert_quiet()


def test_a_whole_deployment_reads_in_silence(watched: Watched, samples: Path, tmp_path: Path) -> None:
    """Its cloud, its containers and its functions, each a process of its own."""
    _artifact()
    settings = json.dumps({"log_dir": str(tmp_path / "logs")})
    command = [sys.executable, "-m", "tests.flow.serve", settings]
    with subprocess.Popen(
        command, env=watched.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            site = Site(process.stdout.readline().split("AWS_ENDPOINT_URL=")[1].split()[0])
            job = site.client.submit(samples / "receipt.png")
            assert site.client.wait(job, 280).state == "succeeded"
            site.sweep()
            eventually(lambda: site.local("processes")["functions"].get(site.names.function("sweep")))
            pids = site.local("processes")
            functions = {pid for each in pids["functions"].values() for pid in each}
            forked_from = {parent(pid) for pid in functions}
        finally:
            process.terminate()
            process.wait(PATIENCE)
    started = {line["pid"] for line in watched.lines("start")}
    containers = {pid for each in pids["endpoints"].values() for pid in each}
    assert containers
    assert functions
    assert containers | forked_from <= started
    watched.assert_quiet()


def parent(pid: int) -> int:
    """The process that a process was forked from."""
    [line] = [
        line
        for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
        if line.startswith("PPid:")
    ]
    return int(line.split()[1])


def _artifact() -> Path:
    folder = artifacts_root() / "textline-orientation"
    if not (folder / "inference.onnx").is_file():
        pytest.skip("no model artefacts here: run `hybrid-ocr artifacts build`")
    return folder
