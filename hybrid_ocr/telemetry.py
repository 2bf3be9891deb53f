"""Log lines of the hosts: one JSON object a line, never a document's text.

What may hold text stays out. Messages are written by this project and carry names, sizes and codes only. An
exception keeps its type and the frames it passed through; its message is kept only for `OcrError`, whose
messages are ours, because a library may quote the value it stumbled over. A line of a foreign logger keeps
its logger, place and level for the same reason.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO

from hybrid_ocr.contracts.errors import OcrError

Value = str | int | float | bool | None
_OURS: Final = ("endpoints", "lambdas", "local_aws", "local_cloud", "hybrid_ocr", "__main__", "uvicorn")
_MOST_FRAMES: Final = 20


def fields(**values: Value) -> dict[str, dict[str, Value]]:
    """Values of one log line, for the argument `extra` of a logger; None is left out.

    `log.info("answered", extra=fields(status=200, pages=3))`
    """
    return {"fields": {name: value for name, value in values.items() if value is not None}}


class JsonFormatter(logging.Formatter):
    """A record as one JSON line: time, level, logger, message, then the fields of the line."""

    def __init__(self, **constant: Value) -> None:
        super().__init__()
        self._constant = constant

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
        ours = record.name.split(".")[0] in _OURS
        place = f"{record.module}:{record.lineno}"
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if ours else f"(a message of {record.name}, left out) {place}",
            **self._constant,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


def describe(error: BaseException) -> dict[str, object]:
    """An exception without what it might quote: type, frames and, where it is ours, code and message."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    description: dict[str, object] = {
        "type": type(error).__qualname__,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, OcrError):
        description |= {"code": error.code.value, "message": error.message}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        description["cause"] = describe(cause)
    return description


def configure(level: str = "INFO", *, stream: TextIO | None = None, **constant: Value) -> None:
    """Make every logger of this process write JSON lines; `constant` is on each of them."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(**constant))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries narrate their own start and stop; from them only trouble is of interest.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    log = logging.getLogger(__name__)

    def show_warning(  # noqa: PLR0917 - the shape that `warnings` calls
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        log.warning("python warning", extra=fields(category=category.__name__, at=f"{filename}:{lineno}"))

    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            log.critical("uncaught exception", exc_info=(kind, error, trace))

    warnings.showwarning = show_warning
    sys.excepthook = uncaught
    threading.excepthook = lambda args: uncaught(args.exc_type, args.exc_value, args.exc_traceback)
