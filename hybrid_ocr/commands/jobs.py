"""`status`, `result`, `jobs`, `redrive`: what became of documents that were submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.exits import NOT_WHOLE, WHOLE, exits
from hybrid_ocr.commands.options import (
    LONGEST_WAIT,
    AsJson,
    Detail,
    JobArgument,
    Quiet,
    Timeout,
    Verbose,
    Wait,
)
from hybrid_ocr.needs import needs

MOST_JOBS: Final = 100


@needs("status", extra="client")
@exits
@with_deployment_options
def status(deployment: DeploymentOptions, job: JobArgument, as_json: AsJson = False) -> int:
    """Say how a job stands.

    Exit codes: 0 it waits, runs or came to its end; 1 it failed; 2 there is no such job; 3 the deployment
    cannot be asked.
    """
    from hybrid_ocr.commands.job_output import print_job

    client = deployment.client()
    found = client.status(client.find(job))
    if as_json:
        print(found.model_dump_json())
    else:
        print_job(found)
    return NOT_WHOLE if found.state == "failed" else WHOLE


@needs("result", extra="client")
@exits
@with_deployment_options
def result(
    deployment: DeploymentOptions,
    job: JobArgument,
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write result.json and every export into this folder."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print what a job read, and fetch its files.

    Exit codes: 0 the document was read whole; 1 in part or not at all; 2 there is no such job; 3 there is no
    result yet, or the deployment cannot be asked.
    """
    from hybrid_ocr.commands.job_output import print_files, print_result

    detail = Detail.of(quiet=quiet, verbose=verbose)
    client = deployment.client()
    job_id = client.find(job)
    code = print_result(client.result(job_id), as_json=as_json, detail=detail)
    if out is not None:
        files = client.download(job_id, out)
        if detail:
            print_files(files, out)
    return code


@needs("jobs", extra="client")
@exits
@with_deployment_options
def jobs(
    deployment: DeploymentOptions,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST_JOBS, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> int:
    """List the latest jobs, newest first; tests, as those of `smoke`, `load` and `submit --test`, apart.

    On a pipe each line is a job, so there is no heading; separated by tabs: id, attempt, state, verdict or
    error, submission, seconds, id of the test (empty unless it is one), document. With --json an object a
    line.
    """
    from hybrid_ocr.commands.job_output import print_jobs

    client = deployment.client()
    found = client.jobs(limit)
    if as_json:
        for job in found:
            print(job.model_dump_json())
    else:
        print_jobs(found)
    return WHOLE


@needs("redrive", extra="client")
@exits
@with_deployment_options
def redrive(
    deployment: DeploymentOptions,
    job: JobArgument,
    *,
    wait: Wait = False,
    timeout: Timeout = LONGEST_WAIT,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Read the document of a job again, from its first page on, with the models it was read with before.

    For a job that failed or lost pages; one that still runs is refused. Exit codes are those of `submit`.
    """
    from hybrid_ocr.commands.job_output import print_result, print_started, wait_for

    detail = Detail.of(quiet=quiet, verbose=verbose)
    client = deployment.client()
    job_id = client.find(job)
    attempt = client.redrive(job_id)
    if not wait:
        print_started(job_id, attempt, as_json=as_json)
        return WHOLE
    document = client.status(job_id).document
    wait_for(client, job_id, timeout, document, detail)
    return print_result(client.result(job_id, attempt), as_json=as_json, detail=detail)
