"""What a person sees of jobs and their results."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hybrid_ocr.clients import AsyncClient, JobStatus
from hybrid_ocr.commands.display import FINDINGS_SHOWN, STYLE, plain, shown
from hybrid_ocr.commands.exits import NOT_WHOLE, WHOLE
from hybrid_ocr.commands.options import Detail
from hybrid_ocr.contracts.result import DocumentResult, Finding

SHORT_ID: Final = 12
_WHOLE_NAME: Final = 1_024
"""No key is longer."""
_STATE_STYLE: Final = {"waiting": "dim", "running": "cyan", "succeeded": "green", "failed": "red"}


def print_started(job_id: str, attempt: int, *, as_json: bool) -> None:
    """The id of a job on standard output, for a script; how to go on beside it, for a person."""
    if as_json:
        print(json.dumps({"job_id": job_id, "attempt": attempt}))
        return
    print(job_id)
    if sys.stdout.isatty():
        Console(stderr=True).print(Text(f"hybrid-ocr result {job_id[:SHORT_ID]}   when it is read", "dim"))


def print_jobs(jobs: Sequence[JobStatus]) -> None:
    """A table on a terminal, where tests stand apart; on a pipe tab-separated lines, nothing cut short."""
    if not sys.stdout.isatty():
        for job in jobs:
            submitted = job.submitted.isoformat(timespec="seconds")
            facts = (job.job_id, job.attempt, job.state, _verdict_or_error(job), submitted, _seconds(job))
            names = (shown(name or "", _WHOLE_NAME) for name in (job.test, job.document))
            print(*facts, *names, sep="\t")
        return
    documents = [job for job in jobs if job.test is None]
    tests = [job for job in jobs if job.test is not None]
    console = Console()
    if documents or not tests:
        console.print(_table(documents))
    if tests:
        if documents:
            console.print()
        console.print(Text("tests, which reach no production rule", "dim"))
        console.print(_table(tests))


def _table(jobs: Sequence[JobStatus]) -> Table:
    """A row a job; its heading stands there without any."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "document", "attempt", "state", "outcome", "pages", "submitted", "took"):
        table.add_column(
            name, justify="right" if name in {"attempt", "pages", "took"} else "left", no_wrap=True
        )
    for job in jobs:
        pages = f"{job.pages.read}/{job.pages.expected}" if job.pages else ""
        table.add_row(
            job.job_id[:SHORT_ID],
            shown(job.document, 28),
            str(job.attempt),
            Text(job.state, _STATE_STYLE[job.state]),
            Text(_verdict_or_error(job), STYLE.get(_verdict_or_error(job), "red")),
            pages,
            f"{job.submitted.astimezone():%m-%d %H:%M:%S}",
            f"{_seconds(job)} s",
        )
    return table


def _verdict_or_error(job: JobStatus) -> str:
    """The verdict or the code of the error."""
    return job.verdict or (job.error.code.value if job.error else "")


def print_job(job: JobStatus) -> None:
    """Everything known of one job, a line for each fact."""
    console = Console()
    facts: dict[str, str | Text] = {
        "document": shown(job.document, _WHOLE_NAME),
        "job": job.job_id,
        "state": Text(job.state, _STATE_STYLE[job.state]),
        "attempt": str(job.attempt),
        "test": plain(job.test or ""),
        "source": plain(job.source),
        "submitted": f"{job.submitted.astimezone():%Y-%m-%d %H:%M:%S}",
        "started": f"{job.started.astimezone():%Y-%m-%d %H:%M:%S}" if job.started else "",
        "took": f"{_seconds(job)} s",
        "pages": f"{job.pages.read} of {job.pages.expected} read" if job.pages else "",
        "verdict": Text(job.verdict, STYLE[job.verdict]) if job.verdict else "",
        "error": f"{job.error.code} {plain(job.error.message)}" if job.error else "",
    }
    for name, value in facts.items():
        if value:
            console.print(Text.assemble((f"{name:9} ", "dim"), value), soft_wrap=True)


def _seconds(job: JobStatus) -> str:
    """How long it has run, or has waited where it has not started."""
    end = job.stopped or datetime.now(UTC)
    return f"{max(0.0, (end - job.began).total_seconds()):.1f}"


def wait_for(
    client: AsyncClient, job_id: str, timeout: float, document: str = "", detail: Detail = Detail.USUAL
) -> JobStatus:
    """Wait for a job, with a sign of life on a terminal; on standard error, as long as it takes."""
    activity = f"reading {shown(document, 40)}".rstrip()
    with Console(stderr=True, quiet=not detail).status(Text(f"{activity}, as job {job_id[:SHORT_ID]}")):
        return client.wait(job_id, timeout)


def print_result(result: DocumentResult, *, as_json: bool, detail: Detail = Detail.USUAL) -> int:
    """What a document says, and on standard error what became of it. Returns the exit code."""
    if as_json:
        print(result.model_dump_json())
    else:
        print(plain(result.text).rstrip("\n") if result.text else "(no text)")
    sys.stdout.flush()
    if detail:
        _print_outcome(result, Console(stderr=True), verbose=detail is Detail.VERBOSE)
    return WHOLE if result.status == "completed" else NOT_WHOLE


def _print_outcome(result: DocumentResult, console: Console, *, verbose: bool) -> None:
    whole = sum(page.status == "ok" for page in result.pages)
    line = Text(result.verdict, STYLE[result.verdict])
    pages = f"{whole} of {len(result.pages)} pages" if result.pages else "no page"
    line.append(f"  {shown(result.document_name, 40)}  {pages}  {result.status}", "default")
    line.append(f"  job {result.job_id[:SHORT_ID]}", "dim")
    console.print(line, soft_wrap=True)
    findings = [finding for finding in result.findings if verbose or finding.severity != "info"]
    most = len(findings) if verbose else FINDINGS_SHOWN
    for finding in findings[:most]:
        console.print(_finding(finding), soft_wrap=True)
    if len(findings) > most:
        console.print(
            Text(f"… and {len(findings) - most} more findings: --verbose, or its result.json", "dim")
        )
    if verbose:
        for stage, model in result.models.items():
            identity = f"{stage}: {model.name} {model.version} {model.sha256[:SHORT_ID]}"
            console.print(Text(plain(identity), "dim"), soft_wrap=True)


def print_files(files: Sequence[Path], folder: Path) -> None:
    """Where the files of a result are now."""
    names = ", ".join(sorted(shown(str(file.relative_to(folder)), 40) for file in files))
    Console(stderr=True).print(Text(f"{folder}: {names}", "dim"), soft_wrap=True)


def _finding(finding: Finding) -> Text:
    line = Text(f"page {finding.page} " if finding.page else "")
    line.append(finding.rule, STYLE[finding.severity])
    return line.append(f" {plain(finding.message)}")
