"""Whether a deployment reads: a page that comes with the package goes through it as a test document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.resources import files
from typing import Final
from uuid import uuid4

from hybrid_ocr.artifacts.building.catalogue import load_catalogue
from hybrid_ocr.clients import AsyncClient, Connection, JobStatus, RealtimeClient
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.jobs import Bundle
from hybrid_ocr.contracts.messages import ModelIdentity, StageName
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects

__all__ = ["LINES", "PAGE", "Check", "checks", "page"]

PAGE: Final = "smoke_page.png"
LINES: Final = (
    "Delivery note 2074",
    "To: Harbour Street 16, Whitby",
    "3 boxes of lamps at 48.50",
    "Total due 145.50",
)
"""What the page says; `python -m samples.smoke_page` draws it."""
_ALIKE: Final = 0.9
"""A line counts as read when it is so much like what was written: other weights may miss a mark."""

Wait = Callable[[AsyncClient, str], JobStatus]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what, whether it holds, and what was seen."""

    name: str
    holds: bool
    seen: str


def page() -> bytes:
    """The page, a PNG."""
    return files("hybrid_ocr").joinpath(PAGE).read_bytes()


def checks(connection: Connection, wait: Wait, *, realtime: bool = False) -> Iterator[Check]:
    """Send the page, and look at what comes of it.

    Args:
        connection: to the deployment.
        wait: returns when the job that it gets is done.
        realtime: also call the real-time endpoints.

    Raises:
        OcrError: nothing can be submitted or asked; that no document is read is a check that does not hold.
    """
    client = AsyncClient(connection=connection)
    bundle = _active(connection)
    yield Check("bundle", True, f"{bundle.id} is active")
    job_id = client.submit(page(), test=f"smoke-{uuid4().hex[:12]}", name=PAGE)
    try:
        status = wait(client, job_id)
        result = client.result(job_id, status.attempt)
    except OcrError as error:
        yield Check("job", False, f"{job_id[:12]} {error.code} {error.message}")
        return
    yield Check("job", status.state == "succeeded", f"{job_id[:12]} {status.state}, {_seconds(status)} s")
    yield Check("pages", result.status == "completed", f"{len(result.pages)} page, {result.status}")
    yield _text("text", [line.text for found in result.pages for line in found.lines])
    yield _models(result, bundle)
    yield _pinned(result.models)
    if realtime:
        with RealtimeClient(connection=connection) as pages:
            lines = pages.read(page()).lines
        yield _text("realtime", [line.text for line in lines])


def _active(connection: Connection) -> Bundle:
    with connection.translated():
        bundles = Bundles(Objects(connection.names.bucket("artifacts"), connection.client("s3")))
        return bundles.get(bundles.active())


def _seconds(status: JobStatus) -> str:
    took = (status.stopped - status.began).total_seconds() if status.stopped else 0.0
    return f"{took:.1f}"


def _text(name: str, read: list[str]) -> Check:
    missed = [line for line in LINES if max((_likeness(line, one) for one in read), default=0.0) < _ALIKE]
    seen = f"{len(LINES) - len(missed)} of {len(LINES)} lines as written"
    return Check(name, not missed, seen + (f", not {missed[0]!r}" if missed else ""))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.replace(" ", ""), other.replace(" ", ""), autojunk=False).ratio()


def _models(result: DocumentResult, bundle: Bundle) -> Check:
    wrong = [stage for stage, model in bundle.models.items() if result.models.get(stage) != model]
    holds = result.bundle == bundle.id and not wrong
    seen = f"all {len(bundle.models)} of bundle {bundle.id}" if holds else f"of bundle {result.bundle}"
    return Check("models", holds, seen + (f", {', '.join(wrong)} differ" if wrong else ""))


def _pinned(models: dict[StageName, ModelIdentity]) -> Check:
    """Whether models that this version of the package knows by name are the ones that it pins."""
    lock = load_catalogue().lock
    known = [model for model in models.values() if model.name in lock]
    wrong = [model for model in known if lock[model.name] != model.sha256]
    seen = f"{len(known) - len(wrong)} of {len(models)} as this version pins them"
    return Check("pins", not wrong, seen + (f", not {wrong[0].name}" if wrong else ""))
