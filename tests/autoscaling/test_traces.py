"""Traces: what a file says, what is refused and how, and that all forms of one have the same documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.arrivals import Trace, read_trace, write_trace
from autoscaling.traffic import Burst, Diurnal, Poisson, Traffic, generate, load_traffic, open_trace
from hybrid_ocr.contracts.errors import ConfigurationError, RequestError

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
HEADING = "time,documents,pages\n"
ROW = "2026-11-16T08:00:00Z,2,5\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text, "utf-8")
    return path


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    steps = draw(st.lists(st.integers(0, 5_000), min_size=1, max_size=12))
    counts = draw(st.lists(st.integers(0, 40), min_size=len(steps), max_size=len(steps)))
    counts[0] = max(counts[0], 1)
    pages = [count * draw(st.integers(1, 30)) + min(count, 1) * draw(st.integers(0, 9)) for count in counts]
    seconds = np.cumsum([0, *steps[:-1]]).astype(np.float64)
    last = float(steps[-2]) if len(steps) > 1 else 60.0
    return Trace(MONDAY, seconds, np.array(counts), np.array(pages), float(seconds[-1]) + (last or 60.0))


@given(trace=traces(), tick=st.sampled_from([1.0, 7.0, 60.0, 900.0]))
def test_one_by_one_and_by_tick_it_is_the_same_documents(trace: Trace, tick: float) -> None:
    times, pages = trace.jobs()
    assert len(times) == trace.total_documents
    assert pages.sum() == trace.total_pages
    assert (pages >= 1).all()
    assert (np.diff(times) >= 0).all()
    documents, paged = trace.per_tick(tick)
    ends = (np.arange(len(documents)) + 1) * tick
    assert documents.sum() == trace.total_documents
    assert paged.sum() == trace.total_pages
    # A document on the edge of two ticks may be in either: floats.
    assert (np.cumsum(documents) >= np.searchsorted(times, ends - 1e-6)).all()
    assert (np.cumsum(documents) <= np.searchsorted(times, ends + 1e-6, side="right")).all()


@given(trace=traces())
def test_a_simulator_of_flows_gets_the_sizes_that_documents_have(trace: Trace) -> None:
    volumes = trace.volumes(10.0)
    _, pages = trace.arrivals().times, trace.arrivals().pages
    sizes, counts = np.unique(pages, return_counts=True)
    assert volumes.sizes.tolist() == sizes.tolist()
    assert volumes.shares == pytest.approx(counts / counts.sum())


@given(trace=traces())
def test_a_written_trace_reads_the_same(trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("trace") / "out.csv"
    write_trace(trace, path)
    again = read_trace(path)
    assert again.start == trace.start
    assert again.duration == trace.duration
    for name in ("seconds", "documents", "pages"):
        assert getattr(again, name).tolist() == getattr(trace, name).tolist()
    assert [each.name for each in path.parent.iterdir()] == ["out.csv"]


def test_a_row_of_one_document_is_an_arrival_at_its_time(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADING}2026-11-16T09:00:00+01:00,1,3\n2026-11-16T08:00:12.5Z,1,1\n\n")
    trace = read_trace(path)
    assert trace.start == MONDAY + timedelta(hours=8)
    assert trace.jobs()[0].tolist() == [0.0, 12.5]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2026-11-16T07:59:59Z,1,1", "time: 2026-11-16T07:59:59Z is before the row above"),
        ("2026-11-16T08:01:00Z,-1,1", "documents: -1 is negative"),
        ("2026-11-16T08:01:00Z,1,-7", "pages: -7 is negative"),
        ("2026-11-16T08:01:00Z,,1", "documents: missing"),
        ("2026-11-16T08:01:00Z,1,", "pages: missing"),
        (",1,1", "time: missing"),
        ("2026-11-16T08:01:00Z,1", "2 values, not 3"),
        ("2026-11-16T08:01:00Z,1,1,9", "4 values, not 3"),
        ("2026-11-16T08:01:00Z,1.5,2", "documents: '1.5' is not a whole number"),
        ("2026-11-16T08:01:00Z,nan,2", "documents: 'nan' is not a whole number"),
        ("2026-11-16T08:01:00Z,٣,4", "documents: '٣' is not a whole number"),
        ("2026-11-16T08:01:00Z,99999999999999,99999999999999", "more than the 10,000,000 possible"),
        ("1763280060,1,1", "time: 1763280060 is a number of an unknown unit"),
        ("1.763280060e12,1,1", "is a number of an unknown unit"),
        ("2026-11-16T08:01:00,1,1", "has no offset"),
        ("16.11.2026 08:01,1,1", "is not ISO 8601"),
        ("2026-11-16T08:01:00Z,3,2", "each has at least one page"),
        ("2026-11-16T08:01:00Z,2,524288", "is the column in another unit, such as bytes?"),
        ("2026-11-16T08:01:00Z,0,4", "pages: 4 of 0 documents"),
    ],
)
def test_a_wrong_row_is_named_with_its_line_and_the_reason(tmp_path: Path, row: str, told: str) -> None:
    path = written(tmp_path, f"{HEADING}{ROW}\n{row}\n{ROW}")
    with pytest.raises(RequestError) as error:
        read_trace(path)
    assert error.value.message.startswith("trace.csv line 4: ")  # the blank line is one too
    assert told in error.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: the heading is 'missing', it must be 'time,documents,pages'"),
        (ROW, "line 1: the heading is"),
        (f"time_ms,documents,pages\n{ROW}", "no other units"),
        (f"time,documents,pages,region\n{ROW}", "no other columns"),
        (HEADING, "nothing arrives"),
        (f"{HEADING}2026-11-16T08:00:00Z,0,0\n", "nothing arrives"),
        (f'{HEADING}"2026-11-16T08:00:00Z,2,5\n', "line 2"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RequestError, match=r"trace\.csv") as error:
        read_trace(written(tmp_path, text))
    assert told in error.value.message


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "trace.csv"
    binary.write_bytes(HEADING.encode() + b"\xff\xfe\x00")
    with pytest.raises(RequestError, match=r"trace\.csv line 1 or below: is not UTF-8"):
        read_trace(binary)
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(RequestError, match="cannot read the trace"):
            read_trace(path)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.mkdir()
    with pytest.raises(OSError, match="trace"):
        write_trace(generate(load_traffic()["viral-burst"]), path)
    assert [each.name for each in tmp_path.iterdir()] == ["trace.csv"]


def test_supplied_traffic_is_what_it_says() -> None:
    office, night, viral = (open_trace(name) for name in ("office-hours", "nightly-batch", "viral-burst"))
    assert office.total_documents == open_trace("office-hours").total_documents
    by_hour = office.per_tick(3600)[0].reshape(7, 24)
    assert by_hour[:5, 10:16].sum() > 0.8 * by_hour.sum()
    assert by_hour[5:].max() < 0.02 * by_hour.max()
    assert night.per_tick(60)[0].reshape(7, 1440)[:, 60].min() > 100 * np.median(night.documents)
    assert viral.documents.max() > 20 * np.median(viral.documents)


def test_poisson_counts_are_as_spread_as_they_must_be() -> None:
    traffic = Traffic(
        about="",
        start=MONDAY,
        days=7,
        pages_per_document=5,
        seed=3,
        parts=(Poisson(kind="poisson", documents_per_hour=600),),
    )
    trace = generate(traffic)
    assert trace.documents.mean() == pytest.approx(10, rel=0.02)
    assert trace.documents.var() == pytest.approx(10, rel=0.06)
    assert trace.total_pages / trace.total_documents == pytest.approx(5, rel=0.02)


def test_a_day_shift_over_midnight_belongs_to_the_day_it_began() -> None:
    shift = Diurnal(kind="diurnal", documents_per_hour=600, from_hour=22, to_hour=6, weekdays=(7,))
    expected = shift.expected(3 * 1440, np.random.default_rng(0), 6)  # Saturday, Sunday, Monday
    busy = np.flatnonzero(expected) / 60
    assert 46 < busy.min() < 46.1
    assert 53.9 < busy.max() < 54


def test_a_burst_rises_within_its_minutes_and_falls_by_its_own() -> None:
    burst = Burst(kind="burst", per_day=0.5, documents_per_hour=6000, rise_minutes=10, fall_minutes=30)
    seeds = (np.random.default_rng(seed) for seed in range(50))
    curves = [burst.expected(1440, seed, 1) for seed in seeds]
    lone = next(
        c for c in curves if np.isclose(c.max(), 100, rtol=0.05) and c[:60].max() == 0 and c.argmax() < 1300
    )
    peak = int(lone.argmax())
    assert lone[peak - 12] == 0
    assert lone[peak + 31] == pytest.approx(lone[peak] / np.e, rel=0.1)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("busy-hours", "office-hours"),
        ("trace.json", "give a FILE.csv"),
        ("missing.csv", "cannot read the trace"),
    ],
)
def test_traffic_that_is_not_there_is_refused(told: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        open_trace(told)


def test_recipes_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    lone = (
        '[quiet]\nabout = "x"\nstart = 2026-11-16T00:00:00Z\ndays = 1\npages_per_document = 2\nseed = 1\n'
        'parts = [{ kind = "backlog", at_hour = 2.5, documents = 100 }]\n'
    )
    path.write_text(lone)
    assert int(open_trace(str(path)).documents.argmax()) == 150
    path.write_text(lone + lone.replace("quiet", "other"))
    assert open_trace(f"{path}:other").total_documents > 0
    with pytest.raises(RequestError, match="quiet, other"):
        open_trace(str(path))
    path.write_text(lone.replace("days = 1", "days = -1"))
    with pytest.raises(ConfigurationError, match=r"mine\.toml: quiet\.days"):
        open_trace(str(path))
    path.write_text(lone.replace("documents = 100", "documents = 1").replace("days = 1", "days = 0.05"))
    with pytest.raises(ConfigurationError, match="no document at all"):
        open_trace(str(path))
