"""`smoke`: whether a deployment reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.exits import NOT_WHOLE, WHOLE, exits
from hybrid_ocr.commands.options import AsJson, Detail
from hybrid_ocr.needs import needs

if TYPE_CHECKING:
    from hybrid_ocr.clients import AsyncClient, JobStatus

_LONGEST: Final = 1800
"""Seconds: endpoints that sleep need ten minutes to wake up, one after the other."""


@needs("smoke", extra="client")
@exits
@with_deployment_options
def smoke(
    deployment: DeploymentOptions,
    realtime: Annotated[bool, typer.Option("--realtime", help="Also call the real-time endpoints.")] = False,
    timeout: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, help="The longest time to wait for the job.")
    ] = _LONGEST,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only what does not hold.")] = False,
) -> int:
    """Send a page that comes with this package through a deployment, and check what comes back.

    The page is a test document: it runs through everything and reaches no production rule. Checked are its
    text, that it was read with the models of the active bundle, and that these are the ones that this version
    pins. Needs to read the artefacts bucket beside what `submit` needs.

    Exit codes: 0 everything holds; 1 something does not; 3 the deployment is not there or does not answer;
    130 interrupted.
    """
    from rich.console import Console
    from rich.text import Text

    from hybrid_ocr.commands.display import plain
    from hybrid_ocr.commands.job_output import wait_for
    from hybrid_ocr.smoke import PAGE, checks

    detail = Detail.QUIET if quiet else Detail.USUAL
    connection = deployment.connect()
    console, code = Console(), WHOLE

    def wait(client: AsyncClient, job: str) -> JobStatus:
        return wait_for(client, job, timeout, PAGE, detail)

    for check in checks(connection, wait, realtime=realtime):
        code = code if check.holds else NOT_WHOLE
        if quiet and check.holds:
            continue
        if as_json:
            print(json.dumps(asdict(check)), flush=True)
            continue
        verdict = Text("ok      ", "green") if check.holds else Text("FAILED  ", "bold red")
        console.print(verdict.append(f"{check.name:10}{plain(check.seen)}", "default"), soft_wrap=True)
    return code
