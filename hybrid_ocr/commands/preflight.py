"""`preflight`: what would fail at a deployment, before anything costs money."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hybrid_ocr.commands.exits import NOT_WHOLE, WHOLE, exits
from hybrid_ocr.commands.options import AsJson
from hybrid_ocr.commands.stage_options import StageName
from hybrid_ocr.needs import needs


@needs("preflight", extra="client")
@exits
def preflight(  # noqa: PLR0917 - typer makes the command line of it
    stage: StageName,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of ~/.aws/config; else AWS_PROFILE.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="Else AWS_REGION, AWS_DEFAULT_REGION or the profile's.")
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="In place of AWS's own; else AWS_ENDPOINT_URL.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Folder of the artefacts.", envvar="HYBRID_OCR_ARTIFACTS"),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Look at all that a deployment of a stage needs, one line for each check, with what to do.

    Looked at are the stage's file, the artefacts, the image builder, and in the account: stacks that are
    being deployed, the CDK's bootstrap, names left of an earlier stage, the network, Lambda's concurrency,
    the instance types of the region and the quotas for them. Nothing is changed, and nothing costs money.
    What may not be asked is `unknown`, with the permission that is missing.

    Exit codes: 0 nothing failed; 1 something did; 3 a deployment cannot be looked at from here.
    """
    from rich.console import Console
    from rich.text import Text

    from hybrid_ocr.artifacts import artifacts_root
    from hybrid_ocr.clients import connect
    from hybrid_ocr.commands.display import plain
    from infra.preflight import checks
    from infra.settings import CHECKOUT

    colours = {"ok": "green", "failed": "bold red", "unknown": "yellow"}
    console, code = Console(), WHOLE
    for check in checks(
        stage,
        lambda: connect(stage, profile=profile, region=region, endpoint_url=endpoint_url),
        root=CHECKOUT,
        built=root or artifacts_root(),
    ):
        code = NOT_WHOLE if check.state == "failed" else code
        if as_json:
            print(json.dumps(asdict(check)), flush=True)
            continue
        line = Text(f"{check.state:8}", colours[check.state]).append(f"{check.name:22}", "default")
        console.print(line.append(plain(check.seen)), soft_wrap=True)
    return code
