"""Fresh virtual environments, as a newcomer makes them, and commands in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

_OURS = ("PYTHON", "HYBRID_OCR", "AWS_", "VIRTUAL_ENV", "MAKE", "MFLAGS")


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the home of its user, which is empty at first.

    Args:
        folder: of the environment.
        home: what HOME is.
        variables: set for every command.
    """

    folder: Path
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, *requirements: str, constraints: bool = True) -> Environment:
        """A new environment with these requirements and nothing else."""
        home = folder / "home"
        home.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        made = cls(folder / "venv", home)
        pinned = ["-c", str(ROOT / "constraints.txt")] if constraints else []
        done = made.run(["python", "-m", "pip", "install", "-q", *pinned, *requirements], ROOT)
        assert done.returncode == 0, done.stderr[-3000:]
        return made

    def environ(self) -> dict[str, str]:
        """What a command sees: of the process that runs the tests only the way to the package index."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        path = f"{self.folder / 'bin'}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin"
        return {**kept, "HOME": str(self.home), "PATH": path, "LC_ALL": "C.UTF-8", **self.variables}

    def run(self, command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
        """A command to its end; its output as text."""
        program = self.folder / "bin" / command[0]
        words = [program if program.exists() else command[0], *command[1:]]
        return subprocess.run(
            words, cwd=cwd, env=self.environ(), capture_output=True, encoding="utf-8", check=False
        )

    def shell(self, line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """A line of a shell to its end."""
        return self.run(["bash", "-c", line], cwd)
