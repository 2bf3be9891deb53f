"""The command `hybrid-ocr`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hybrid_ocr.commands import register
from hybrid_ocr.commands.artifact_building import app as artifacts
from hybrid_ocr.commands.read import DEFAULT_ENGINE, READ_HELP, Engine, read
from hybrid_ocr.commands.scale import app as scale

UP_HELP = """
Start the whole component on this machine: AWS's services, the functions, the model servers.

It stays until Control-C. On standard output it prints the exports that let the AWS CLI, boto3 and the other
commands find it.
"""

app = typer.Typer(
    name="hybrid-ocr",
    help="Reads scanned documents: rotation, regions, text lines, OCR and validation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(artifacts, name="artifacts")
app.add_typer(scale, name="scale")


app.command(help=READ_HELP)(read)


@app.command(help=UP_HELP)
def up(  # noqa: D103, PLR0917 - typer makes the command line of it; UP_HELP says what it does
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Where AWS answers; 0 is any free one.")
    ] = 4580,
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
