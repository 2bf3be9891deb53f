"""`hybrid-ocr read`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, get_args

import typer

from hybrid_ocr.contracts.stage import EngineName

Engine = Enum("Engine", {name.replace("-", "_"): name for name in get_args(EngineName)})  # type: ignore[misc]
DEFAULT_ENGINE = Engine("openvino")

READ_HELP = """
Read documents and write what they say.

For each document a folder OUT/NAME/ with result.json, result.txt, result.md, a searchable PDF, hOCR and
report.html. The text goes to standard output, everything else to standard error.

Read are printed Latin script, Chinese and Japanese; not Cyrillic, Greek, Arabic, Hebrew, Thai, Korean or the
scripts of India, nor handwriting.

Exit codes: 0 every document was read whole; 1 at least one was read in part or not at all; 2 the command line
is wrong; 3 reading could not start or go on (models, deployment, disk); 130 interrupted.
"""


def read(  # noqa: D103, PLR0917 - typer makes the command line of it; READ_HELP says what it does
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|DIR|-...", help="PDF, TIFF, PNG, JPEG or WebP; folders at any depth; - is stdin."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the folders are made.")
    ] = Path("out"),
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="process|local|STAGE",
            help="Where: in this process; through the whole flow on a local cloud; through a deployment.",
        ),
    ] = "process",
    pages: Annotated[
        str | None, typer.Option(metavar="RANGES", help="Which pages of each document: 1-5, 1,3,7-9 or 3-.")
    ] = None,
    script: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Recognise one script only, such as latin: faster."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What runs the networks.", case_sensitive=False)
    ] = DEFAULT_ENGINE,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Validation rules of your own, see docs/rules.md."),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Which files: of json,txt,md,hocr,pdf,html; all unless given."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite results of other documents in DIR.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave documents alone that have a result in DIR.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one DocumentResult a line instead of the text.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="On standard error only errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also what the parts log.")] = False,
) -> None:
    from hybrid_ocr.commands.read_call import ReadCall, run

    _refuse_both(force, skip_existing, "--force and --skip-existing")
    _refuse_both(quiet, verbose, "--quiet and --verbose")
    call = ReadCall(
        paths=paths,
        out=out,
        where=on,
        pages=pages,
        script=script,
        engine=engine.value,
        rules=rules,
        formats=formats,
        existing="force" if force else "skip" if skip_existing else "same",
        as_json=as_json,
        quiet=quiet,
        verbose=verbose,
    )
    raise typer.Exit(run(call))


def _refuse_both(one: bool, other: bool, names: str) -> None:
    if one and other:
        raise typer.BadParameter(f"{names} exclude each other")
