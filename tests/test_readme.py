"""What README.md says is so: its links lead somewhere, its commands and options exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md")])


def commands() -> list[list[str]]:
    readme = (ROOT / "README.md").read_text()
    lines = re.findall(r"^\$ (.*)$", readme, re.MULTILINE)
    inline = re.findall(r"`(hybrid-ocr [^`]+)`", readme)
    return [shlex.split(line.split(" && ")[-1], comments=True) for line in [*lines, *inline]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    here = [link for link in links if not link.startswith(("http:", "https:"))]
    assert [link for link in here if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "command", [c for c in commands() if Path(c[0]).name == "hybrid-ocr"], ids=lambda c: " ".join(c[:3])
)
def test_commands_and_options_exist(command: list[str]) -> None:
    options = [word for word in command if word.startswith("--")]
    names = command[1 : 3 if command[1] == "artifacts" else 2]
    shown = subprocess.run(
        [sys.executable, "-m", "hybrid_ocr", *names, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"COLUMNS": "200", "PATH": "", "NO_COLOR": "1"},
    ).stdout
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist_and_explain_themselves(page: Path) -> None:
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text()))
    explained = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named - explained == set()
