"""The match: contestants take turns on every page, so what disturbs the machine disturbs all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from statistics import median
from typing import Any

from evaluation.bench.contestants import ContestantSpec
from evaluation.bench.pages import BenchPage
from evaluation.bench.scoring import Scores, score
from evaluation.bench.worker import Worker, WorkerError


@dataclass
class PageMeasurement:
    """One contestant on one page: what it scored, and how long it took.

    Args:
        page: the page's name.
        kind: the page's kind.
        scores: of the first reading; later ones say the same.
        first: seconds of the first reading, when networks have not met the sizes of this page.
        seconds: of each later reading.
        stages: of each later reading, the seconds of its stages.
        error: why the page could not be read.
    """

    page: str
    kind: str
    scores: Scores
    first: float | None = None
    seconds: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    error: str | None = None


@dataclass
class ContestantRecord:
    """One contestant: what it says about itself, why it is out if it is, and its pages."""

    name: str
    title: str
    about: dict[str, Any] = field(default_factory=dict)
    absent: str | None = None
    pages: dict[str, PageMeasurement] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[PageMeasurement]:
        """Its pages of one kind."""
        return [page for page in self.pages.values() if page.kind == kind]

    def seconds(self, kind: str) -> float | None:
        """The median seconds of each page, summed over a kind; None if a page was not read."""
        return _sum(median(page.seconds) if page.seconds else None for page in self.of_kind(kind))

    def first_seconds(self, kind: str) -> float | None:
        """The seconds of the first reading of each page, summed over a kind; None if a page was not read."""
        return _sum(page.first for page in self.of_kind(kind))

    def scores(self, kind: str) -> Scores:
        """Scores of a kind; a page that was not read counts as one without a line."""
        return reduce(add, (page.scores for page in self.of_kind(kind)), Scores())


def _sum(seconds: Iterable[float | None]) -> float | None:
    known = list(seconds)
    return None if not known or None in known else sum(filter(None, known))


def compare(
    contestants: Sequence[ContestantSpec],
    pages: Sequence[BenchPage],
    rounds: int,
    progress: Callable[[], None] = lambda: None,
) -> list[ContestantRecord]:
    """Let everyone read every page once and then `rounds` times more; `progress` is called after each turn.

    Before that each reads one page untimed. In each turn the next contestant goes first.
    """
    records = {
        contestant.name: ContestantRecord(contestant.name, contestant.title) for contestant in contestants
    }
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for contestant in contestants:
            _admit(contestant, records[contestant.name], workers, stack)
        for worker in workers.values():
            with suppress(WorkerError):  # it will fail again where that is counted
                worker.read(pages[0].path)
        for round_ in range(rounds + 1):
            for index, page in enumerate(pages):
                for name in _rotated(list(workers), round_ + index):
                    _measure(workers[name], records[name], page)
                    progress()
        for name, worker in workers.items():
            records[name].about = worker.about
    return list(records.values())


def _admit(
    contestant: ContestantSpec, record: ContestantRecord, workers: dict[str, Worker], stack: ExitStack
) -> None:
    record.absent = contestant.absence()
    if record.absent is None:
        try:
            worker = stack.enter_context(contestant.worker())
        except WorkerError as error:
            record.absent = str(error)
        else:
            workers[contestant.name] = worker


def _rotated(names: list[str], by: int) -> list[str]:
    start = by % len(names) if names else 0
    return names[start:] + names[:start]


def _measure(worker: Worker, record: ContestantRecord, page: BenchPage) -> None:
    nothing = PageMeasurement(page.name, page.kind, score(page.truth, []))
    kept = record.pages.setdefault(page.name, nothing)
    if kept.error is not None:
        return
    try:
        answer = worker.read(page.path)
    except WorkerError as error:
        kept.error = str(error)
        return
    if kept.first is None:
        kept.first = answer.seconds
        kept.scores = score(page.truth, answer.reading.lines)
        return
    kept.seconds.append(answer.seconds)
    for stage, seconds in answer.reading.stages.items():
        kept.stages.setdefault(stage, []).append(seconds)
