"""The folder of a document: result.json and everything made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.stages.validation.exports.hocr import write_hocr
from hybrid_ocr.stages.validation.exports.images import PageImages
from hybrid_ocr.stages.validation.exports.markdown import write_markdown
from hybrid_ocr.stages.validation.exports.pdf import write_pdf
from hybrid_ocr.stages.validation.exports.report import write_report
from hybrid_ocr.stages.validation.rule_file import load_rules
from hybrid_ocr.stages.validation.rules import RuleSet


def write_exports(
    result: DocumentResult,
    page_image: PageImages,
    folder: Path,
    *,
    rules: RuleSet | None = None,
    dpi: Mapping[int, float] | None = None,
) -> list[Path]:
    """Write result.json, result.txt, result.md, result.hocr, result.pdf and report.html.

    result.json comes first, so that nothing is lost where a picture turns out not to decode. Each file
    appears whole or not at all.

    Args:
        result: the document.
        page_image: the upright image of a page, or None; asked twice for each page, in order.
        folder: made where it is not there.
        rules: the rules the document was held to, for the report's colours.
        dpi: resolution of pages by number, for the size of PDF pages; 200 where it is not known.

    Returns:
        The files written.

    Raises:
        DocumentError: a page image does not decode; the text forms are written by then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules = rules or load_rules()
    texts: dict[str, Iterable[str]] = {
        "result.json": (result.model_dump_json(indent=1), "\n"),
        "result.txt": (result.text, "\n"),
        "result.md": write_markdown(result),
        "result.hocr": write_hocr(result, dpi),
    }
    for name, pieces in texts.items():
        with _whole(folder / name) as sink:
            sink.writelines(piece.encode() for piece in pieces)
    with _whole(folder / "result.pdf") as sink:
        write_pdf(result, page_image, sink, dpi)
    with _whole(folder / "report.html") as sink:
        write_report(result, page_image, sink, rules, _worth_opening(result, [*texts, "result.pdf"]))
    return [folder / name for name in (*texts, "result.pdf", "report.html")]


def _worth_opening(result: DocumentResult, names: list[str]) -> list[str]:
    """The files that tell more than the report; of a document without text, only result.json does."""
    return names if any(page.lines for page in result.pages) else names[:1]


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name once it is written to the end."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as sink:
            yield sink
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
