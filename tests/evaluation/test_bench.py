"""The benchmark: workers over pipes, turns, and what the results say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from evaluation.bench.__main__ import app
from evaluation.bench.compare import compare
from evaluation.bench.contestants import ContestantSpec, contestants
from evaluation.bench.environments import Environment
from evaluation.bench.machine import describe_machine
from evaluation.bench.pages import BenchPage, find_pages
from evaluation.bench.report import complaints, kinds, results, tables
from evaluation.bench.scoring import Scores, score
from evaluation.bench.worker import Worker, WorkerError
from evaluation.bench.workers.tesseract import parse
from evaluation.metrics import Counts, Edits
from evaluation.truth import TruthLine, TruthPage, TruthWord

FAKE = "tests.evaluation.fake_contestant"
CORNERS = [[0, 0], [100, 0], [100, 10], [0, 10]]
LINES = json.dumps([[CORNERS, "Hello world"]])
TRUTH = TruthPage(lines=(TruthLine(np.array(CORNERS, float), "HELLO WORD"),))


def fake(tmp_path: Path, name: str = "fake", **settings: str) -> ContestantSpec:
    told = {"name": name, "lines": LINES, "diary": str(tmp_path / "diary"), **settings}
    return ContestantSpec(name, name.title(), FAKE, settings=told)


def page(name: str, kind: str = "receipts") -> BenchPage:
    return BenchPage(name.removesuffix(".png"), kind, Path(name), TRUTH)


class TestWorker:
    def test_reads_and_tells_about_itself(self, tmp_path: Path) -> None:
        with fake(tmp_path).worker() as worker:
            assert worker.about["versions"] == {"fake": "1"}
            answer = worker.read(Path("a.png"))
            assert answer.reading.lines == [(CORNERS, "Hello world")]
            assert answer.reading.stages == {"thinking": 0.25}
            assert answer.reading.page_ends == [0.5]
            assert worker.about["models"] == {"net": "abc"}

    def test_a_page_that_fails_is_not_the_end(self, tmp_path: Path) -> None:
        with fake(tmp_path).worker() as worker:
            with pytest.raises(WorkerError, match="cannot read this one"):
                worker.read(Path("bad.png"))
            assert worker.read(Path("a.png")).reading.lines

    def test_one_that_died_or_hangs_is_told_apart_from_an_answer(self, tmp_path: Path) -> None:
        with fake(tmp_path).worker() as worker, pytest.raises(WorkerError, match="exit code 3"):
            worker.read(Path("fatal.png"))
        settings = fake(tmp_path).settings
        hanging = Worker(Path(sys.executable), FAKE, settings, page_seconds=0.2)
        with hanging, pytest.raises(WorkerError, match="exit code -9"):
            hanging.read(Path("endless.png"))

    def test_one_that_cannot_load_says_why(self, tmp_path: Path) -> None:
        with pytest.raises(WorkerError, match="cannot load"), fake(tmp_path, broken="yes").worker():
            pass


class TestCompare:
    def test_contestants_alternate_on_every_page_and_take_the_lead_in_turn(self, tmp_path: Path) -> None:
        contestants = [fake(tmp_path, name) for name in ("a", "b")]
        compare(contestants, [page("1.png"), page("2.png")], rounds=1)
        diary = (tmp_path / "diary").read_text().split("\n")[:-1]
        warm_up, turns = diary[:2], diary[2:]
        assert warm_up == ["a 1.png", "b 1.png"]
        assert turns == [
            *("a 1.png", "b 1.png", "b 2.png", "a 2.png"),
            *("b 1.png", "a 1.png", "a 2.png", "b 2.png"),
        ]

    def test_records_scores_and_every_timing(self, tmp_path: Path) -> None:
        (record,) = compare([fake(tmp_path)], [page("1.png")], rounds=3)
        kept = record.pages["1"]
        assert kept.first is not None
        assert len(kept.seconds) == 3
        assert kept.stages == {"thinking": [0.25] * 3}
        assert kept.scores.lines.f1 == 1
        assert kept.scores.edits == Edits(edits=1, characters=9)
        assert kept.scores.words == Counts(hits=1, truth=2, found=2)

    def test_who_cannot_take_part_or_read_a_page_is_named_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        away = ContestantSpec("away", "Away", FAKE, home=Environment("not-there", "none.txt"))
        records = compare(
            [fake(tmp_path), away, fake(tmp_path, "ill", broken="yes")],
            [page("1.png"), page("bad.png")],
            rounds=1,
        )
        told = "\n".join(complaints(records))
        assert "Away takes no part: no environment" in told
        assert "Ill takes no part" in told
        assert "Fake could not read 1 of 2 pages, first receipts/bad: ValueError" in told
        healthy = records[0]
        assert healthy.pages["1"].scores.lines.hits == 1
        assert healthy.scores("receipts").lines == Counts(hits=1, truth=2, found=1)
        assert healthy.seconds("receipts") is None


def test_results_name_machine_versions_models_and_ratios_but_no_text(tmp_path: Path) -> None:
    contestants = [fake(tmp_path, "rapidocr"), fake(tmp_path, "ours")]
    records = compare(contestants, [page("1.png"), page("2.png", "pages")], rounds=1)
    found = json.loads(json.dumps(results(records, {"repeat": 1})))
    assert found["machine"]["cpu"]
    assert found["machine"]["cores"] >= 1
    assert found["contestants"][0]["versions"] == {"fake": "1"}
    assert found["contestants"][0]["models"] == {"net": "abc"}
    assert found["contestants"][0]["pages"][0]["scores"]["lines"]["f1"] == 1
    baseline, ours = found["summary"]["receipts"]
    assert baseline["speed_ratio"] == {"rapidocr": 1.0}
    expected = ours["pages_per_second"] / baseline["pages_per_second"]
    assert ours["speed_ratio"]["rapidocr"] == pytest.approx(expected)
    assert "WORD" not in json.dumps(found["contestants"][0]["pages"])


def test_tables_show_every_kind_and_contestant(tmp_path: Path) -> None:
    records = compare([fake(tmp_path)], [page("1.png"), page("2.png", "pages")], rounds=1)
    console = Console(width=120, record=True, file=(tmp_path / "shown").open("w"))
    for kind in kinds(records):
        console.print(*tables(records, kind))
    shown = console.export_text()
    for expected in ("receipts: speed", "pages: accuracy", "Fake", "thinking", "250.0", "0.1111"):
        assert expected in shown


class TestPages:
    def test_receipts_pages_and_samples(self, tmp_path: Path, samples: Path) -> None:
        (tmp_path / "receipts").mkdir()
        (tmp_path / "receipts" / "r.csv").write_text("1,2,11,2,11,8,1,8,TEXT")
        Image.new("L", (20, 20)).save(tmp_path / "receipts" / "r.jpg")
        (found,) = find_pages(tmp_path, tmp_path)
        assert (found.name, found.kind, found.truth.texts) == ("r", "receipts", ("TEXT",))
        pages = find_pages(samples, tmp_path)
        assert len(pages) >= 6
        for each in pages:
            with Image.open(each.path) as image:
                assert image.size == each.truth.size

    def test_a_folder_without_truth_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="receipts"):
            find_pages(tmp_path, tmp_path)


def test_lines_are_not_judged_where_the_truth_has_none() -> None:
    truth = TruthPage(words=(TruthWord((0, 0, 10, 10), "hello"),))
    assert score(truth, [(CORNERS, "Hello")]) == Scores(words=Counts(1, 1, 1))


def test_tesseract_tsv_is_put_together_by_lines() -> None:
    head = [
        "level",
        "page_num",
        "block_num",
        "par_num",
        "line_num",
        "word_num",
        "left",
        "top",
        "width",
        "height",
        "conf",
        "text",
    ]
    rows = [
        [1, 1, 0, 0, 0, 0, 0, 0, 200, 100, -1, ""],
        [4, 1, 1, 1, 1, 0, 10, 20, 80, 12, -1, ""],
        [5, 1, 1, 1, 1, 1, 10, 20, 30, 12, 96, '"Quoted'],
        [5, 1, 1, 1, 1, 2, 50, 20, 40, 12, 95, "text"],
        [4, 1, 2, 1, 1, 0, 0, 60, 200, 3, -1, ""],
        [5, 1, 2, 1, 1, 1, 0, 60, 200, 3, 95, " "],
    ]
    table = "\n".join("\t".join(map(str, row)) for row in [head, *rows])
    assert parse(table) == [([[10, 20], [90, 20], [90, 32], [10, 32]], '"Quoted text')]


def test_machine_names_its_processor_and_the_instructions_that_matter(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor : 0\nmodel name : Fast One\nflags : fpu avx2 avx512_bf16\n\nprocessor : 1\n"
    )
    machine = describe_machine(cpuinfo)
    assert machine["cpu"] == "Fast One"
    assert machine["flags"] == ["avx2", "avx512_bf16"]


def test_an_unknown_contestant_is_refused_with_the_names_there_are() -> None:
    answer = CliRunner().invoke(app, ["--engines", "nobody"])
    assert answer.exit_code == 2
    assert all(name in answer.output.replace("\n", "") for name in ("nobody", "rapidocr"))


def test_all_contestants_of_the_issue_are_there() -> None:
    assert list(contestants()) == [
        "hybrid-ocr",
        "hybrid-ocr-text",
        "rapidocr",
        "rapidocr-openvino",
        "paddleocr",
        "tesseract",
    ]
