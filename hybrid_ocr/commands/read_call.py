"""A call of `hybrid-ocr read`: checked before anything starts, carried out, and ended with an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from hybrid_ocr.commands.complaint import complain
from hybrid_ocr.commands.existing import Existing, settle_existing
from hybrid_ocr.commands.exits import (
    CANNOT,
    INTERRUPTED,
    NOT_WHOLE,
    OUTPUT_CLOSED,
    WHOLE,
    WRONG_COMMAND,
    forget_interrupt,
)
from hybrid_ocr.commands.readers import reader_for
from hybrid_ocr.commands.reading import EXPORTS, DocumentReader, ReadDocument, ReaderOptions
from hybrid_ocr.commands.sources import Selection, select, standard_input
from hybrid_ocr.commands.terminal import Bar, print_summary, print_text
from hybrid_ocr.contracts.errors import ConfigurationError, OcrError, RequestError
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.opening import OpeningLimits, check_pages

STANDARD_INPUT: Final = Path("-")


@dataclass(frozen=True)
class ReadCall:
    """What the command line asked for; see `hybrid-ocr read --help`."""

    paths: Sequence[Path]
    out: Path
    where: str = "process"
    pages: str | None = None
    script: str | None = None
    engine: EngineName = "openvino"
    rules: Path | None = None
    formats: str | None = None
    existing: Existing = "same"
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False


def run(call: ReadCall) -> int:
    """Read what a call names and say what became of it. Returns the exit code."""
    console = Console(stderr=True, quiet=call.quiet)
    errors = Console(stderr=True)
    logging.basicConfig(
        level=logging.INFO if call.verbose else logging.ERROR, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        if call.pages is not None:
            check_pages(call.pages)
        files = file_names(call.formats)
        selection = settle_existing(_selected(call.paths), call.out, call.existing, console)
        options = ReaderOptions(call.where, call.engine, call.script, call.rules, call.pages, files)
        reader = reader_for(options, lambda line: console.print(Text(line, "dim"), soft_wrap=True))
    except (RequestError, ConfigurationError) as error:
        return complain(errors, error, WRONG_COMMAND)
    except OcrError as error:
        return complain(errors, error, CANNOT)
    except OSError as error:
        return complain(errors, error, CANNOT)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job is to go on
        signal.signal(signal.SIGINT, _interrupt)
    return _read(call, selection, reader, console, errors)


def _read(
    call: ReadCall, selection: Selection, reader: DocumentReader, console: Console, errors: Console
) -> int:
    done: list[ReadDocument] = []
    several = len(selection.sources) > 1
    try:
        with Bar(console) as bar, reader:
            for document in reader.read(selection.sources, call.out, bar.of):
                done.append(document)
                _print(document, as_json=call.as_json, heading=several)
    except OcrError as error:
        return complain(errors, error, CANNOT)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does: no error, and nothing left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except OSError as error:
        return complain(errors, error, CANNOT)
    except KeyboardInterrupt:
        forget_interrupt()
        print_summary(done, console, selection.skipped)
        finished = f"{len(done)} of {len(selection.sources)} documents were finished"
        return complain(errors, f"interrupted; {finished}", INTERRUPTED)
    print_summary(done, console, selection.skipped)
    whole = all(document.result.status == "completed" for document in done)
    return WHOLE if whole else NOT_WHOLE


def file_names(formats: str | None) -> list[str]:
    """The files of a result that `--formats json,pdf` asks for; all of them where it is not given.

    Raises:
        RequestError: a format that there is not.
    """
    if formats is None:
        return list(EXPORTS.values())
    asked = [name.strip().lower() for name in formats.split(",") if name.strip()]
    unknown = [name for name in asked if name not in EXPORTS]
    if unknown or not asked:
        raise RequestError(f"--formats takes {', '.join(EXPORTS)}; not {', '.join(unknown) or 'nothing'}")
    return [EXPORTS[name] for name in asked]


def _selected(paths: Sequence[Path]) -> Selection:
    if STANDARD_INPUT not in paths:
        return select(paths)
    if len(paths) > 1:
        raise RequestError("- is the document on standard input, and goes with no other")
    return Selection((standard_input(sys.stdin.buffer, OpeningLimits().file_bytes),), 0)


def _interrupt(number: int, frame: object) -> None:
    """End once: a second signal while processes are being ended would leave some behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _print(document: ReadDocument, *, as_json: bool, heading: bool) -> None:
    if as_json:
        print(document.result.model_dump_json(), flush=True)
    else:
        print_text(document, heading=heading)
