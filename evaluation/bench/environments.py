"""Environments of contestants whose dependencies cannot live beside ours."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the pinned packages in it.

    The pins are complete, and pip is told not to resolve: both packages ask for builds of OpenCV that need an
    X11 library, which a plain machine does not have. `replaced` is the build without it, laid over the other.
    """

    name: str
    requirements: str
    replaced: str | None = None

    @property
    def folder(self) -> Path:
        """HYBRID_OCR_BENCH_VENVS if set, else build/venvs of the checkout, and there its name."""
        return Path(os.environ.get("HYBRID_OCR_BENCH_VENVS", _ROOT / "build" / "venvs")) / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def make(self) -> None:
        """Make it, unless it is there already; raises subprocess.CalledProcessError."""
        done = self.folder / ".made"
        if done.exists():
            return
        subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=True)
        self._install("-r", str(Path(__file__).parents[1] / self.requirements))
        if self.replaced is not None:
            self._install("--force-reinstall", self.replaced)
        done.touch()

    def _install(self, *what: str) -> None:
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run([str(self.python), *pip, *what], check=True)


RAPIDOCR = Environment("rapidocr", "requirements-rapidocr.txt")
PADDLE = Environment("paddle", "requirements-paddle.txt", "opencv-contrib-python-headless==4.10.0.84")
