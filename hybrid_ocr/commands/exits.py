"""From what a command does to an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from hybrid_ocr.contracts.errors import DocumentError, OcrError, RequestError

WHOLE, NOT_WHOLE, WRONG_COMMAND, CANNOT, INTERRUPTED, OUTPUT_CLOSED = 0, 1, 2, 3, 130, 141
"""The same as those of `read`; 141 is 128 + SIGPIPE."""

P = ParamSpec("P")


def forget_interrupt() -> None:
    """Let the exit code of a command be its own after an interrupt that it has dealt with.

    Where an interrupt meets text that is being executed, as in the import of a dataclass, CPython notes it
    and, started with -m, ends by SIGINT in place of the exit code. Executing any text clears the note
    (Python/pythonrun.c, run_eval_code_obj).
    """
    exec("")  # noqa: S102


def exits(body: Callable[P, int]) -> Callable[P, None]:
    """Make a command of a function that returns an exit code; its errors become one line and a code."""

    @wraps(body)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = body(*args, **kwargs)
            sys.stdout.flush()
        except OcrError as error:
            code = _complain(error, _code_for(error))
        except BrokenPipeError:
            # Whoever read our output has gone, as `head` does: no error, and nothing left to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = OUTPUT_CLOSED
        except OSError as error:
            code = _complain(error, CANNOT)
        except KeyboardInterrupt:
            forget_interrupt()
            code = _complain("interrupted; what was submitted goes on", INTERRUPTED)
        raise typer.Exit(code)

    return command


def _code_for(error: OcrError) -> int:
    if isinstance(error, RequestError):
        return WRONG_COMMAND
    return NOT_WHOLE if isinstance(error, DocumentError) else CANNOT


def _complain(problem: Exception | str, code: int) -> int:
    from rich.console import Console

    from hybrid_ocr.commands.complaint import complain

    return complain(Console(stderr=True), problem, code)
