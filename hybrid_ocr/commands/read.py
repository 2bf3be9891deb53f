"""`hybrid-ocr read`: from a command line to an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hybrid_ocr.commands.complaint import complain
from hybrid_ocr.commands.exits import CANNOT, INTERRUPTED, NOT_WHOLE, OUTPUT_CLOSED, WHOLE, WRONG_COMMAND
from hybrid_ocr.commands.reading import DocumentReader, Reading
from hybrid_ocr.commands.sources import select
from hybrid_ocr.commands.terminal import ReadingProgress, print_summary, print_text
from hybrid_ocr.contracts.errors import OcrError, RequestError
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.opening import parse_pages

MOST_PAGES = 100_000
"""More than any document has: page ranges are checked before the first one is opened."""


@dataclass(frozen=True)
class ReadCall:
    """What the command line asked for; see `hybrid-ocr read --help`."""

    paths: Sequence[Path]
    out: Path
    pages: str | None = None
    script: str | None = None
    engine: EngineName = "openvino"
    rules: Path | None = None
    as_json: bool = False
    direct: bool = False


def run(call: ReadCall) -> int:
    """Read what a call names and say what became of it. Returns the exit code."""
    console = Console(stderr=True)
    selection = select(call.paths)
    try:
        if call.pages is not None:
            parse_pages(call.pages, page_count=MOST_PAGES)
        if not selection.sources:
            raise RequestError("no document in what was named: give a PDF, TIFF, PNG, JPEG or WebP")
    except RequestError as error:
        return complain(console, error, WRONG_COMMAND)
    signal.signal(signal.SIGTERM, _interrupt)
    readings: list[Reading] = []
    try:
        with ExitStack() as stack:
            progress = stack.enter_context(ReadingProgress(console))
            reader = stack.enter_context(_reader(call))
            for reading in reader.read(selection.sources, call.out, progress, call.pages):
                readings.append(reading)
                _print(reading, as_json=call.as_json, heading=len(selection.sources) > 1)
    except OcrError as error:
        return complain(console, error, CANNOT)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does: no error, and nothing left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as error:
        return complain(console, error, CANNOT)
    except KeyboardInterrupt:
        return complain(console, "interrupted", INTERRUPTED)
    print_summary(readings, console, selection.skipped)
    whole = all(reading.result.status == "completed" for reading in readings)
    return WHOLE if whole else NOT_WHOLE


def _reader(call: ReadCall) -> DocumentReader:
    """The way to read; each imports what only it needs."""
    if call.direct:
        from hybrid_ocr.direct.stages import direct_reader

        return direct_reader(engine=call.engine, script=call.script, rules=call.rules)
    from local_cloud.early import EarlyContainers
    from local_cloud.models import LocalModels

    early = EarlyContainers(LocalModels(call.engine, call.script))  # before the next import, which takes long
    from hybrid_ocr.cloud_reader import cloud_reader

    return cloud_reader(early, engine=call.engine, script=call.script, rules=call.rules)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _print(reading: Reading, *, as_json: bool, heading: bool) -> None:
    if as_json:
        print(reading.result.model_dump_json(), flush=True)
    else:
        print_text(reading, heading=heading)
