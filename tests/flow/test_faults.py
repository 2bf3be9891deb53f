"""What AWS may do to a message or an instance, and what then becomes of the jobs.

`--soak` runs the sizes that the project promises (200 jobs); by default they are cut to what a build bears.
"""

from __future__ import annotations

import io
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from hybrid_ocr.contracts.events import EVENT_SOURCE
from hybrid_ocr.contracts.stages import ENDPOINTS, STAGES
from tests.flow.conftest import Start
from tests.flow.poisoned import POISON
from tests.flow.site import Listener, eventually

PRODUCTION = {"source": [EVENT_SOURCE]}

MANY_COPIES = """
seed = 7
[events]
duplicate = 1.0
copies = 5
delay_seconds = [0.0, 2.0]
[sqs]
duplicate = 0.5
copies = 3
delay_seconds = [0.0, 1.0]
[sns]
duplicate = 1.0
copies = 5
delay_seconds = [0.0, 1.0]
"""
NO_NOTICES = "[sns]\ndrop = 1.0\n"


def small_page(samples: Path) -> Image.Image:
    """The head of a receipt: small enough that many of them are read in little time."""
    with Image.open(samples / "receipt.png") as image:
        return image.convert("L").crop((0, 0, image.width, image.height // 3))


def png(page: Image.Image) -> bytes:
    """A page as a document."""
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def completed(listener: Listener, jobs: set[str]) -> Counter[str]:
    """How often each job's end was heard, once every one was."""

    def heard() -> bool:
        return {event.detail["job_id"] for event in listener.hear()} >= jobs

    eventually(heard, 60 + 5 * len(jobs))
    return Counter(event.detail["job_id"] for event in listener.hear())


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "faults.toml"


def test_duplicated_and_shuffled_events_make_one_job_each(
    start: Start, samples: Path, plan: Path, size: int
) -> None:
    plan.write_text(MANY_COPIES)
    page = png(small_page(samples))
    with start(faults=str(plan)) as site:
        with site.listening(PRODUCTION) as listener:
            keys = [f"inbox/{number}.png" for number in range(size)]
            for key in keys:
                site.upload(key, page)
            # The listener's own queue gets every copy that the fault plan makes; a consumer sees them by job.
            eventually(lambda: len(site.finished()) == size, 60 + 5 * size)
            heard = completed(listener, {name.rpartition("-")[0] for name in site.executions()})
        assert len(site.executions()) == size
        assert set(site.finished().values()) == {"SUCCEEDED"}
        assert len(heard) == size
        told = site.local("faults")
        assert told["events"]["duplicated"] >= size


FIRST = sum(STAGES[stage].after not in ENDPOINTS for stage in ENDPOINTS)
"""Endpoints that a batch is sent to at once."""


def test_with_every_notice_lost_one_sweep_completes_every_job(
    start: Start, samples: Path, plan: Path, size: int
) -> None:
    plan.write_text(NO_NOTICES)
    page = png(small_page(samples))
    # Outputs lie elsewhere, too: S3OutputPath ends in a slash, and the service may join another one.
    with start(faults=str(plan), most_executions=size, keep_trailing_slash=True) as site:
        site.bus.disable_rule(
            Name=site.names.rule("sweep")
        )  # its minute must not come before every job waits
        jobs = {site.client.submit(page) for _ in range(size)}
        # Every job has come to its detectors, and hears nothing of them.
        eventually(lambda: len(site.executions()) == size and site.waiting() == FIRST * size, 60 + 5 * size)
        site.sweep()
        eventually(lambda: len(site.finished()) == size, 180)
        assert {name.rpartition("-")[0] for name in site.finished()} == jobs
        assert set(site.finished().values()) == {"SUCCEEDED"}
        assert site.local("faults")["sns"]["deliveries"] == 0


def test_a_container_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    start: Start, samples: Path
) -> None:
    with start() as site, site.listening(PRODUCTION) as listener:
        endpoint = site.names.endpoint("text_detection", "async")
        [pid] = site.local("processes")["endpoints"][endpoint]
        os.kill(pid, signal.SIGSTOP)  # so that the batch is surely in its hands when it dies
        job = site.client.submit(samples / "article.pdf")
        eventually(lambda: site.backlog(endpoint) > 0)
        os.kill(pid, signal.SIGKILL)
        assert site.client.wait(job, 120).state == "succeeded"
        result = site.client.result(job)
        assert [page.number for page in result.pages] == [1, 2, 3]
        assert result.status == "completed"
        assert completed(listener, {job}) == {job: 1}
        assert site.local("processes")["endpoints"][endpoint] != [pid]


def test_of_a_batch_with_one_poison_page_the_others_are_read(start: Start, samples: Path) -> None:
    with pypdfium2.PdfDocument(samples / "article.pdf") as article:
        good = article[0].render(scale=1.5).to_pil().convert("L")  # upright: rotation leaves its size alone
    good = good.crop((0, 0, good.width, good.height // 3))
    poison = good.resize((POISON, good.height))
    document = io.BytesIO()
    pages = [good] * 3 + [poison] + [good] * 5  # two a batch: the poison has company
    good.save(document, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    with start(module={"text_detection": "tests.flow.poisoned"}, lost_retries=0) as site:
        job = site.client.submit(document.getvalue())
        assert site.client.wait(job, 280).state == "succeeded"
        result = site.client.result(job)
    assert result.status == "partial"
    lost = {page.number: page.error for page in result.pages if page.status != "ok"}
    assert list(lost) == [4]
    assert lost[4] is not None
    assert lost[4].code == "ENGINE_FAILED"
    assert all(page.lines for page in result.pages if page.number != 4)


def test_a_long_document_keeps_its_state_and_history_small(
    start: Start, samples: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    pages = 2_000 if pytestconfig.getoption("--soak") else 12
    page = small_page(samples).point(lambda grey: 255 * (grey > 128), "1")  # as a fax, which packs well
    document = tmp_path / "long.tif"
    page.save(document, save_all=True, append_images=[page] * (pages - 1), compression="group4")
    with start() as site:
        job = site.client.submit(document)
        assert site.client.wait(job, 3_000).state == "succeeded"
        history = site.history(job)
        assert len(site.client.result(job).pages) == pages
    assert len(history) < 100
    assert max(len(state) for event in history for state in states_of(event)) <= 32_768


def states_of(event: dict[str, Any]) -> Iterator[str]:
    """What an event of a history says about input and output of a state or task."""
    for detail in event.values():
        if isinstance(detail, dict):
            yield from (str(detail[name]) for name in ("input", "output", "parameters") if name in detail)
            yield ""
