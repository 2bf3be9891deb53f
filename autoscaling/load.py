"""Drives a deployment with small documents and writes down how each of them fared."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from hybrid_ocr.clients import AsyncClient
from hybrid_ocr.smoke import page

__all__ = ["MOST_PAGES", "Passed", "arrival_times", "document", "drive"]

MOST_PAGES: Final = 8
"""Of a document."""
_AT_ONCE: Final = 16
"""Documents that are submitted at the same time."""


@dataclass(frozen=True)
class Passed:
    """A document that came through; times as time.time() has them, `started` that of its execution."""

    job_id: str
    submitted: float
    started: float
    stopped: float
    read: bool

    @property
    def latency(self) -> float:
        """Seconds from its submission to its outcome."""
        return self.stopped - self.submitted


def arrival_times(rate: float, seconds: float, seed: int) -> list[float]:
    """Seconds at which documents arrive: Poisson with `rate` a second, at least one."""
    rng = np.random.default_rng(seed)
    count = max(1, int(rng.poisson(rate * seconds)))
    return sorted(float(when) for when in rng.uniform(0, seconds, count))


def document(pages: int) -> bytes:
    """The page of the smoke test, so many times."""
    if pages == 1:
        return page()
    with Image.open(io.BytesIO(page())) as image:
        bilevel = image.convert("L")
    made = io.BytesIO()
    bilevel.save(
        made, "TIFF", save_all=True, append_images=[bilevel] * (pages - 1), compression="tiff_deflate"
    )
    return made.getvalue()


def drive(
    client: AsyncClient,
    body: bytes,
    times: Sequence[float],
    *,
    timeout: float,
    label: str,
    done: Callable[[int], None] = lambda count: None,
) -> list[Passed]:
    """Submit a document at each of these times, as a test, and wait until all are read.

    Args:
        client: of the deployment.
        body: the document.
        times: seconds from now, ascending.
        timeout: seconds that the last may take.
        label: of the tests.
        done: is told how many are read.

    Raises:
        OcrError: a document could not be submitted, or is not read in time.
    """
    began = time.time()

    def submit(index: int) -> tuple[str, float]:
        time.sleep(max(0.0, began + times[index] - time.time()))
        submitted = time.time()
        return client.submit(body, test=f"{label}-{index}", name="load_page"), submitted

    # A thread waits for its moment: what takes long to be taken does not hold up those that come after it.
    with ThreadPoolExecutor(min(_AT_ONCE, len(times))) as pool:
        started = list(pool.map(submit, range(len(times))))
    passed = []
    for job_id, submitted in started:
        status = client.wait(job_id, timeout)
        stopped = status.stopped.timestamp() if status.stopped else time.time()
        passed.append(
            Passed(job_id, submitted, status.began.timestamp(), stopped, status.state == "succeeded")
        )
        done(len(passed))
    return passed
