"""Exit codes after an interrupt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from hybrid_ocr.commands.exits import forget_interrupt
try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    forget_interrupt()
sys.exit(130)
"""


def test_an_interrupt_amid_executed_text_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 130, done.stderr
