"""Every code block of README and docs runs as printed, in a checkout that was set up as README says.

What speaks to AWS speaks to the local cloud that README starts. The blocks of a page run in order, in one
folder and one Python session, as a reader would run them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.install.blocks import Block, blocks_of
from tests.install.conftest import DOCUMENTS, checkout_copy, fetched_models
from tests.install.environments import Environment

pytestmark = [pytest.mark.install, pytest.mark.timeout(1800), pytest.mark.xdist_group("docs")]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = [page for page in PAGES if any(block.not_run is None for block in blocks_of(page))]
SOME_JOB = "3f9c21"
"""The id of a job in the documentation."""
STARTS_WITHIN = 300.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree, set up with `make setup`."""
    folder = checkout_copy(tmp_path_factory.mktemp("checkout"))
    fetched_models(folder / "build" / "artifacts")
    done = _user(folder).shell("make setup", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, sample in DOCUMENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "samples" / "documents" / sample, folder / name)
    return folder


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the AWS command line, which its users have."""
    made = Environment.make(tmp_path_factory.mktemp("aws"), "awscli>=1.44", constraints=False)
    return made.folder / "bin"


@pytest.fixture(scope="module")
def user(checkout: Path, aws: Path) -> Iterator[Environment]:
    """A reader of the documentation: `hybrid-ocr up` in one terminal, here the exports that it prints."""
    environment = _user(checkout)
    process = subprocess.Popen(
        [checkout / ".venv" / "bin" / "hybrid-ocr", "up"],
        cwd=checkout,
        env=environment.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert process.stdout
        exports = [process.stdout.readline() for _ in range(2)]
        told = dict(re.findall(r"(\w+)=(\S+)", " ".join(exports)))
        assert {"AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"} <= set(told)
        path = f"{environment.environ()['PATH']}:{aws}"
        yield Environment(environment.folder, environment.home, {**told, "PATH": path})
    finally:
        process.terminate()
        process.wait()


def test_what_is_not_run_says_why() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert [block for block in blocks if block.not_run is not None and len(block.not_run) < 10] == []
    assert sum(block.not_run is None for block in blocks) >= 15


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_blocks_of_a_page(page: Path, user: Environment, checkout: Path) -> None:
    python = ""
    for block in blocks_of(page):
        if block.not_run is not None:
            continue
        if block.language == "console":
            _run_console(block, user, checkout)
            continue
        python += f"\n{block.text}\n"
    if python:
        script = checkout / "blocks.py"
        script.write_text(python, "utf-8")
        done = user.run(["python", str(script)], checkout)
        assert done.returncode == 0, f"{page.name}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def _run_console(block: Block, user: Environment, checkout: Path) -> None:
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for command in block.commands:
            if command == "hybrid-ocr up":
                continue  # the fixture runs it
            if command.endswith(" serve"):
                servers.append(_serve(command, user, checkout))
                continue
            done = user.shell(_with_a_job(command, user, checkout), checkout)
            place = f"{block.page.name}:{block.line}: {command}"
            assert done.returncode == 0, f"{place}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    finally:
        for server in servers:
            server.terminate()
            server.wait()


def _with_a_job(command: str, user: Environment, checkout: Path) -> str:
    """The command with the id of a job that there is, in place of the one in the documentation."""
    if SOME_JOB not in command:
        return command
    newest = user.shell("hybrid-ocr jobs --json", checkout).stdout.splitlines()
    done = [job for job in map(json.loads, newest) if job["state"] == "succeeded"]
    return command.replace(SOME_JOB, str(done[-1]["job_id"])[:8])


def _serve(command: str, user: Environment, checkout: Path) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(["bash", "-c", f"exec env {command}"], cwd=checkout, env=user.environ())
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get("http://127.0.0.1:8080/ping", timeout=5).status_code == 200:
                return server
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    server.kill()
    raise AssertionError(f"{command}: no server on port 8080")


def _user(checkout: Path) -> Environment:
    home = checkout.parent / "home"
    home.mkdir(exist_ok=True)
    return Environment(checkout / ".venv", home)
