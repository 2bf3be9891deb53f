"""What a match says: tables to look at, and one JSON file to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from evaluation.bench.compare import ContestantRecord, PageMeasurement
from evaluation.bench.contestants import BASELINES
from evaluation.bench.machine import describe_commit, describe_machine
from evaluation.bench.scoring import Scores
from evaluation.metrics import Counts, Edits

_NOTHING = "-"


def results(records: Sequence[ContestantRecord], settings: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to repeat or doubt the match, ready for JSON. No text of any page is in it."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": describe_commit(),
        "machine": describe_machine(),
        "settings": settings,
        "summary": {kind: [_summary(record, kind, records) for record in records] for kind in kinds(records)},
        "contestants": [
            {
                "name": record.name,
                "title": record.title,
                "absent": record.absent,
                **record.about,
                "pages": [_page(page) for page in record.pages.values()],
            }
            for record in records
        ],
    }


def kinds(records: Sequence[ContestantRecord]) -> list[str]:
    """The kinds of page that were read, in their order."""
    return list(dict.fromkeys(page.kind for record in records for page in record.pages.values()))


def _ratio_to(baseline: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda summary: summary["speed_ratio"].get(baseline)


_Column = tuple[str, Callable[[dict[str, Any]], float | None], str]
_SPEED: tuple[_Column, ...] = (
    ("pages/s", itemgetter("pages_per_second"), ".3f"),
    ("at first", itemgetter("first_pages_per_second"), ".3f"),
    *((f"x {title}", _ratio_to(name), ".2f") for name, title in BASELINES.items()),
)
_ACCURACY: tuple[_Column, ...] = (
    ("H-mean", itemgetter("h_mean"), ".3f"),
    ("CER", itemgetter("cer"), ".4f"),
    ("plain CER", itemgetter("cer_plain"), ".4f"),
    ("F1", itemgetter("word_f1"), ".3f"),
    ("recall", itemgetter("word_recall"), ".3f"),
    ("precision", itemgetter("word_precision"), ".3f"),
)


def tables(records: Sequence[ContestantRecord], kind: str) -> list[Table]:
    """Speed, accuracy and where our own time goes, on one kind of page."""
    shown = [
        _table(f"{kind}: speed", _SPEED, records, kind),
        _table(f"{kind}: accuracy", _ACCURACY, records, kind),
    ]
    stages_by_title = {record.title: stages for record in records if (stages := _stages(record, kind))}
    return [*shown, _stage_table(kind, stages_by_title)] if stages_by_title else shown


def _table(title: str, columns: Sequence[_Column], records: Sequence[ContestantRecord], kind: str) -> Table:
    shown = Table(title=title, title_justify="left", box=SIMPLE)
    shown.add_column(f"{max(len(record.of_kind(kind)) for record in records)} pages", no_wrap=True)
    for heading, _, _ in columns:
        shown.add_column(heading, justify="right", no_wrap=True)
    for record in records:
        if record.absent is None:
            summary = _summary(record, kind, records)
            numbers = [(value(summary), form) for _, value, form in columns]
            cells = [_NOTHING if number is None else format(number, form) for number, form in numbers]
            shown.add_row(record.title, *cells)
    return shown


def _stage_table(kind: str, stages_by_title: Mapping[str, Mapping[str, float]]) -> Table:
    shown = Table(title=f"{kind}: stages", title_justify="left", box=SIMPLE)
    shown.add_column("milliseconds a page")
    for title in stages_by_title:
        shown.add_column(title, justify="right")
    for stage in dict.fromkeys(stage for stages in stages_by_title.values() for stage in stages):
        spent = [stages.get(stage) for stages in stages_by_title.values()]
        shown.add_row(stage, *(_NOTHING if s is None else f"{1000 * s:.1f}" for s in spent))
    return shown


def complaints(records: Sequence[ContestantRecord]) -> list[str]:
    """Who could not take part, and who could not read how many pages, with the reason of the first."""
    lines = [f"{record.title} takes no part: {record.absent}" for record in records if record.absent]
    for record in records:
        failed = [page for page in record.pages.values() if page.error]
        if failed:
            where = f"{len(failed)} of {len(record.pages)} pages, first {failed[0].kind}/{failed[0].page}"
            lines.append(f"{record.title} could not read {where}: {failed[0].error}")
    return lines


def _stages(record: ContestantRecord, kind: str) -> dict[str, float]:
    spent: dict[str, list[float]] = {}
    for page in record.of_kind(kind):
        for stage, seconds in page.stages.items():
            spent.setdefault(stage, []).extend(seconds)
    return {stage: sum(seconds) / len(seconds) for stage, seconds in spent.items()}


def _summary(record: ContestantRecord, kind: str, records: Sequence[ContestantRecord]) -> dict[str, Any]:
    seconds, first, count = record.seconds(kind), record.first_seconds(kind), len(record.of_kind(kind))
    return {
        "name": record.name,
        "pages_per_second": count / seconds if seconds else None,
        "first_pages_per_second": count / first if first else None,
        "speed_ratio": {
            other.name: theirs / seconds
            for other in records
            if other.name in BASELINES and seconds and (theirs := other.seconds(kind))
        },
        "stage_seconds": _stages(record, kind),
        **_measures(record.scores(kind)),
    }


def _measures(scores: Scores) -> dict[str, float | None]:
    """The scores that there was something to judge by: no error where no line was found is no merit."""
    return {
        "h_mean": scores.lines.f1 if scores.lines.truth else None,
        "cer": scores.edits.rate if scores.lines.hits else None,
        "cer_plain": scores.plain_edits.rate if scores.lines.hits else None,
        "word_f1": scores.words.f1,
        "word_recall": scores.words.recall,
        "word_precision": scores.words.precision if scores.words.found else None,
    }


def _page(page: PageMeasurement) -> dict[str, Any]:
    kept = asdict(page)
    kept["scores"] = {name: _counts(value) for name, value in vars(page.scores).items()}
    return kept


def _counts(value: Counts | Edits) -> dict[str, float]:
    derived = (
        {"rate": value.rate}
        if isinstance(value, Edits)
        else {"recall": value.recall, "precision": value.precision, "f1": value.f1}
    )
    return {**asdict(value), **derived}
