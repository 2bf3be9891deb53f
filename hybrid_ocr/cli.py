"""The command `hybrid-ocr`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, get_args

import typer

from hybrid_ocr.commands import register
from hybrid_ocr.commands.artifact_building import app as artifacts
from hybrid_ocr.commands.needs import needs
from hybrid_ocr.commands.scale import app as scale
from hybrid_ocr.commands.version import VersionOption
from hybrid_ocr.contracts.names import LOCAL_PORT
from hybrid_ocr.contracts.stage import EngineName

READ_HELP = """
Read documents and write what they say.

For each document a folder OUT/NAME/ with result.json, result.txt, result.md, a searchable PDF, hOCR and
report.html. The text goes to standard output, everything else to standard error.

Exit codes: 0 every document was read whole; 1 at least one was read in part or not at all; 2 the command line
is wrong; 3 reading could not start or go on (model artefacts, servers, disk); 130 interrupted.
"""

UP_HELP = """
Start the whole component on this machine: AWS's services, the functions, the model servers.

It needs a checkout of the repository and stays until Control-C. On standard output it prints the exports that
let the AWS CLI, boto3 and the other commands find it.
"""

Engine = Enum("Engine", {name.replace("-", "_"): name for name in get_args(EngineName)})  # type: ignore[misc]
DEFAULT_ENGINE = Engine("openvino")

app = typer.Typer(
    name="hybrid-ocr",
    help="Reads scanned documents: rotation, regions, text lines, OCR and validation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def whole(version: VersionOption = False) -> None:
    """Take the options that belong to no command."""


app.add_typer(artifacts, name="artifacts")
app.add_typer(scale, name="scale")


@app.command(help=READ_HELP)
@needs("read", extra="read")
def read(  # noqa: D103, PLR0917 - typer makes the command line of it; READ_HELP says what it does
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR...", help="PDF, TIFF, PNG, JPEG or WebP; folders at any depth."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the folders are made.")] = Path("out"),
    pages: Annotated[
        str | None, typer.Option(metavar="RANGES", help="Which pages of each document: 1-5 or 1,3,7-9.")
    ] = None,
    script: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Recognise one script only, such as latin: faster."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What runs text detection and OCR.", case_sensitive=False)
    ] = DEFAULT_ENGINE,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Validation rules of your own, see docs/rules.md."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one DocumentResult a line instead of the text.")
    ] = False,
    direct: Annotated[
        bool,
        typer.Option("--direct", help="By plain function calls, without the flow: for a debugger."),
    ] = False,
) -> None:
    from hybrid_ocr.commands.read import ReadCall, run

    call = ReadCall(paths, out, pages, script, engine.value, rules, as_json, direct)
    raise typer.Exit(run(call))


@app.command(help=UP_HELP)
@needs("up", extra="local")
def up(  # noqa: D103, PLR0917 - typer makes the command line of it; UP_HELP says what it does
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where AWS answers; 0 is any free one.")
    ] = LOCAL_PORT,
    script: Annotated[
        str | None, typer.Option(metavar="NAME", help="Recognise one script only, such as latin: faster.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What runs text detection and OCR.", case_sensitive=False)
    ] = DEFAULT_ENGINE,
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help="Validation rules of your own.")] = None,
    faults: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What goes wrong with messages, see docs/local-cloud.md."),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the logs of functions and containers here."),
    ] = None,
    autoscale: Annotated[
        bool,
        typer.Option("--autoscale", help="Let the asynchronous endpoints follow their scaling policies."),
    ] = False,
    speed: Annotated[
        float,
        typer.Option(
            min=1, max=600, help="How many times as fast as the clock scaling goes, with its delays."
        ),
    ] = 1.0,
    policies: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Scaling policies in place of autoscaling/policies.toml."),
    ] = None,
) -> None:
    from hybrid_ocr.commands.up import UpCall, run

    call = UpCall(port, script, engine.value, rules, faults, logs, autoscale, speed, policies)
    raise typer.Exit(run(call))


register(app, artifacts)


def main() -> None:
    """Run the command line."""
    sys.exit(app())
