"""One line on standard error that says why a command cannot go on."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from hybrid_ocr.commands.display import plain
from hybrid_ocr.contracts.errors import OcrError


def complain(console: Console, problem: Exception | str, exit_code: int) -> int:
    """Say it, an error of ours with its code in front. Returns the exit code that was given."""
    line = Text("hybrid-ocr: ", "bold red")
    message = f"{problem.code} {problem.message}" if isinstance(problem, OcrError) else str(problem)
    line.append(plain(message), "default not bold")
    console.print(line, soft_wrap=True)
    return exit_code
