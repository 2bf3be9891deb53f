"""`submit`: ask for a document to be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.exits import WHOLE, exits
from hybrid_ocr.commands.options import LONGEST_WAIT, AsJson, Detail, Quiet, Timeout, Verbose, Wait
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.needs import needs

if TYPE_CHECKING:
    from evaluation.truth import TruthPage


@needs("submit", extra="client")
@exits
@with_deployment_options
def submit(
    deployment: DeploymentOptions,
    document: Annotated[
        str, typer.Argument(metavar="FILE|s3://...", help="PDF, TIFF, PNG, JPEG or WebP, here or in S3.")
    ],
    *,
    wait: Wait = False,
    timeout: Timeout = LONGEST_WAIT,
    pages: Annotated[str | None, typer.Option(metavar="RANGES", help="Which pages: 1-5 or 1,3,7-9.")] = None,
    script: Annotated[
        str | None, typer.Option(metavar="NAME", help="Recognise one script only, such as latin: faster.")
    ] = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="A test: it runs through everything and reaches no production rule."),
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Of a test, what the document says; with --wait the score is told."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Ask for a document to be read; print the id of its job or, with --wait, what it says.

    Exit codes: 0 it was submitted or, with --wait, read whole; 1 there is no such document, or it was read in
    part or not at all; 2 the command line is wrong; 3 the deployment is not there or does not answer; 130
    interrupted.
    """
    from hybrid_ocr.commands.job_output import print_result, print_started, wait_for

    detail = Detail.of(quiet=quiet, verbose=verbose)
    if truth is not None and not test:
        raise RequestError("--truth belongs to --test")
    expected = _truth(truth) if truth is not None and wait else None
    client = deployment.client()
    job_id = client.submit(
        document, pages=pages, script=script, test=f"cli-{uuid4().hex[:12]}" if test else None, truth=truth
    )
    if not wait:
        print_started(job_id, 1, as_json=as_json)
        return WHOLE
    attempt = wait_for(client, job_id, timeout, document_name(document), detail).attempt
    read = client.result(job_id, attempt)
    code = print_result(read, as_json=as_json, detail=detail)
    if expected is not None:
        from hybrid_ocr.commands.score import print_score, score_result

        print_score(score_result(expected, read), as_json=as_json)
    return code


def _truth(path: Path) -> tuple[TruthPage, ...]:
    """What the document says, before it is submitted; scoring needs more packages than submitting does."""
    with needs("submit --truth", extra="evaluation"):
        from hybrid_ocr.commands.score import read_truth
    return read_truth(path)
