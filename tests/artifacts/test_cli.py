from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_ocr.commands.artifact_building import app
from tests.artifacts import tiny

CATALOGUE = """
[[artifact]]
name = "tiny-rec"
version = "1.0.0"
stage = "ocr"
description = "for tests"
licence = "MIT"
licence_source = "here"
characters_from = "character"
source = {{ kind = "file", path = "net.onnx", sha256 = "{sha256}" }}
inference = {{ PostProcess = {{ name = "CTCLabelDecode" }} }}
"""


@pytest.fixture
def own(tmp_path: Path) -> list[str]:
    """Options for a catalogue of one tiny model."""
    network = tiny.recogniser()
    (tmp_path / "net.onnx").write_bytes(network)
    (tmp_path / "catalogue.toml").write_text(CATALOGUE.format(sha256=tiny.sha256(network)))
    return ["--root", str(tmp_path / "root"), "--catalogue", str(tmp_path / "catalogue.toml")]


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_build_verify_list(own: list[str], tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert "no" in _run("list", *own)[1]
    code, said = _run("build", "tiny-rec", "--script", "latin", *own)
    assert code == 0, said
    assert "tiny-rec-latin" in said
    code, said = _run("build", *own)
    assert code == 0, said
    code, said = _run("list", *own)
    assert code == 0
    assert "MIT" in said
    assert "yes" in said
    assert _run("verify", "--root", str(root))[0] == 0
    (root / "tiny-rec" / "inference.yml").write_text("{}")
    code, said = _run("verify", "--root", str(root))
    assert code == 1
    assert "ARTIFACT_INVALID" in said
    assert "inference.yml" in said
    assert said.count("ok ") == 3, "the others are verified all the same"


def test_mistakes_end_with_a_code_and_no_traceback(own: list[str], tmp_path: Path) -> None:
    for arguments in (
        ["build", "nothing", *own],
        ["build", "--script", "latin", *own],
        ["build", "tiny-rec", "--script", "klingon", *own],
        ["verify", "--root", str(tmp_path / "none")],
    ):
        code, said = _run(*arguments)
        assert code == 2, arguments
        assert "CONFIGURATION_INVALID" in said
    code, said = _run("verify", str(tmp_path / "none.tar.gz"))
    assert code == 1
    assert "ARTIFACT_NOT_FOUND" in said
