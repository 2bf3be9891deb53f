"""The pipeline as a caller of the package uses it: real models, real documents, one process."""

from __future__ import annotations

import io
import locale
import os
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from PIL import Image

import hybrid_ocr
from hybrid_ocr.contracts.errors import ConfigurationError, DocumentError, ErrorCode, RequestError
from hybrid_ocr.contracts.messages import PageImage, StageName
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.contracts.stages import LAST
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.pipeline import Pipeline, Task
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.runner import MOST_COSTLY_PAGES, PAGES_IN_PROGRESS
from hybrid_ocr.pipeline.stages import StageGraph
from hybrid_ocr.pipeline.worker import PendingAnswer
from hybrid_ocr.stages import load_stage
from hybrid_ocr.stages.validation.text import page_text


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(script="latin") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def article(pipeline: Pipeline, samples: Path) -> DocumentResult:
    return pipeline.read(samples / "article.pdf")


def test_three_lines_give_the_text(samples: Path) -> None:
    assert "Bixby" in hybrid_ocr.read(samples / "letter.jpg", script="latin").text


def test_the_stages_by_hand_say_the_same(pipeline: Pipeline, samples: Path) -> None:
    result = pipeline.read(samples / "receipt.png")
    models = Models(script="latin")
    stages = {name: load_stage(name, models.context(name)) for name in models.names}
    with DocumentOpener() as opener:
        [page] = stages["rotation"].run([opener.render(samples / "receipt.png", 1)])
    [crops] = stages["text_detection"].run([page])
    [text] = stages["ocr"].run([crops])
    [regions] = stages["region_detection"].run([page])
    [read] = result.pages
    assert sorted(line.text for line in read.lines) == sorted(line.text for line in text.lines)
    assert len(read.regions) == len(regions.regions)
    assert result.models == {name: stage.model for name, stage in stages.items()}


def test_pages_come_one_by_one_in_order_and_are_those_of_the_whole(
    pipeline: Pipeline, samples: Path, article: DocumentResult
) -> None:
    pages = list(pipeline.pages(samples / "article.pdf"))
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page_text(page) for page in pages] == [page_text(page) for page in article.pages]


def test_who_stops_early_waits_for_nothing_and_others_go_on(pipeline: Pipeline, samples: Path) -> None:
    many = _tiff(samples / "receipt.png", 3 * PAGES_IN_PROGRESS)
    pages = pipeline.pages(many)
    assert next(pages).number == 1
    pages.close()
    assert pipeline.read(samples / "receipt.png").status == "completed"


def test_only_the_last_answers_of_a_page_are_kept(
    pipeline: Pipeline, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pixels of lines would fill the memory of a long document."""
    kept: list[set[str]] = []
    send = StageGraph.send

    def watched(graph: StageGraph, page: PageImage) -> dict[StageName, PendingAnswer]:
        answers = send(graph, page)
        kept.append(set(answers))
        return answers

    monkeypatch.setattr(StageGraph, "send", watched)
    assert pipeline.read(samples / "receipt.png").status == "completed"
    assert kept == [set(LAST)]


def test_some_pages(pipeline: Pipeline, samples: Path) -> None:
    result = pipeline.read(samples / "article.pdf", pages="2-")
    assert [page.number for page in result.pages] == [2, 3]
    assert result.status == "completed"
    with pytest.raises(RequestError, match="3-1"):
        pipeline.read(samples / "article.pdf", pages="3-1")


def test_bytes_are_read_as_a_file_is(pipeline: Pipeline, samples: Path) -> None:
    result = pipeline.read((samples / "receipt.png").read_bytes())
    assert result.text == pipeline.read(samples / "receipt.png").text
    assert result.source == "document"


def test_what_is_wrong_with_a_document_is_in_its_result(pipeline: Pipeline, tmp_path: Path) -> None:
    result = pipeline.read(tmp_path / "gone.pdf")
    assert result.status == "failed"
    assert ErrorCode.SOURCE_NOT_FOUND in result.findings[0].message
    with pytest.raises(DocumentError, match=r"gone\.pdf"):
        next(pipeline.pages(tmp_path / "gone.pdf"))


def test_a_bad_page_fails_alone(pipeline: Pipeline, samples: Path) -> None:
    good = _tiff(samples / "receipt.png", 2)
    cut = bytearray(good)
    cut[-(len(good) // 3) :] = bytes(len(good) // 3)  # the second frame's pixels are no deflate stream now
    statuses = [page.status for page in pipeline.read(bytes(cut)).pages]
    assert statuses == ["ok", "failed"]


def test_pages_that_take_all_time_end_the_document(
    pipeline: Pipeline, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def bomb(opener: DocumentOpener, source: Path, number: int, *, name: str) -> None:
        tried.append(number)
        raise DocumentError("too long", code=ErrorCode.DECODE_TIMEOUT)

    monkeypatch.setattr(DocumentOpener, "render", bomb)
    result = pipeline.read(_tiff(samples / "receipt.png", 10))
    assert result.status == "failed"
    assert len(tried) == MOST_COSTLY_PAGES
    assert len(result.pages) == 10


def test_documents_overlap_and_keep_their_order(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    names = ["letter.jpg", "missing.png", "receipt.png"]
    tasks = [Task(samples / name, out=tmp_path / name, files=["result.txt"]) for name in names]
    results = list(pipeline.read_all(tasks))
    assert [Path(result.source).name for result in results] == names
    assert [result.status for result in results] == ["completed", "failed", "completed"]
    assert [path.name for path in (tmp_path / "letter.jpg").iterdir()] == ["result.txt"]


def test_the_locale_of_the_caller_stays_as_it_was(samples: Path) -> None:
    """OpenVINO changes it while it loads a network, and four networks load side by side."""
    before = locale.setlocale(locale.LC_ALL)
    for _ in range(3):
        with Pipeline(script="latin") as pipeline:
            pipeline.read(samples / "receipt.png")
        assert locale.setlocale(locale.LC_ALL) == before


def test_threads_share_a_pipeline(pipeline: Pipeline, samples: Path) -> None:
    texts: dict[str, str] = {}

    def read(name: str) -> None:
        texts[name] = pipeline.read(samples / name).text

    threads = [threading.Thread(target=read, args=[name]) for name in ("letter.jpg", "receipt.png")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "Bixby" in texts["letter.jpg"]
    assert "PICKWICK" in texts["receipt.png"]


def test_closing_while_documents_are_read_ends(samples: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(script="latin")
    names = ["receipt.png", "letter.jpg", "receipt.png", "article.pdf"]
    results = pipeline.read_all([Task(samples / name) for name in names])
    assert next(results).status == "completed"
    pipeline.close()  # as Control-C does
    ends = [result.status for result in _until_cancelled(results)]
    assert set(ends) <= {"completed"}


def _until_cancelled(results: Iterator[DocumentResult]) -> Iterator[DocumentResult]:
    """What still comes after the end: a document that was being finished, then no more."""
    try:
        yield from results
    except (CancelledError, RuntimeError):
        return


def test_a_closed_pipeline_starts_anew(samples: Path) -> None:
    pipeline = Pipeline(script="latin")
    first = pipeline.read(samples / "receipt.png").text  # it starts by itself, too
    pipeline.close()
    assert pipeline.read(samples / "receipt.png").text == first
    pipeline.close()


def test_a_name_that_is_no_utf8_is_read(pipeline: Pipeline, samples: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes((samples / "receipt.png").read_bytes())
    result = pipeline.read(path)
    assert result.status == "completed"
    assert result.source.endswith("caf\N{REPLACEMENT CHARACTER}.png")
    assert "caf" in result.model_dump_json()


def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="klingon"):
        Pipeline(script="klingon")
    rules = tmp_path / "rules.toml"
    rules.write_text("[rules.no_such_rule]\nenabled = true\n")
    with pytest.raises(ConfigurationError, match="no_such_rule"):
        Pipeline(rules=rules)


def _tiff(page: Path, count: int) -> bytes:
    made = io.BytesIO()
    with Image.open(page) as image:
        frame = image.convert("L")
    frame.save(made, "TIFF", save_all=True, append_images=[frame] * (count - 1), compression="tiff_deflate")
    return made.getvalue()
