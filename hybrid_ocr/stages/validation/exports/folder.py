"""The folder of a document: result.json and everything made from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.stages.validation.exports.hocr import write_hocr
from hybrid_ocr.stages.validation.exports.images import PageImages
from hybrid_ocr.stages.validation.exports.markdown import write_markdown
from hybrid_ocr.stages.validation.exports.pdf import write_pdf
from hybrid_ocr.stages.validation.exports.report import write_report
from hybrid_ocr.stages.validation.rule_file import load_rules
from hybrid_ocr.stages.validation.rules import RuleSet

REPORT: Final = "report.html"


def write_exports(
    result: DocumentResult,
    page_image: PageImages,
    folder: Path,
    *,
    rules: RuleSet | None = None,
    dpi: Mapping[int, float] | None = None,
    files: Collection[str] | None = None,
) -> list[Path]:
    """Write result.json, result.txt, result.md, result.hocr, result.pdf and report.html, or some of them.

    result.json comes first, so that nothing is lost where a picture turns out not to decode. Each file
    appears whole or not at all.

    Args:
        result: the document.
        page_image: the upright image of a page, or None; asked twice for each page, in order.
        folder: made where it is not there.
        rules: the rules the document was held to, for the report's colours.
        dpi: resolution of pages by number, for the size of PDF pages; 200 where it is not known.
        files: names of those to write; None is all.

    Returns:
        The files written.

    Raises:
        DocumentError: a page image does not decode; the text forms are written by then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules = rules or load_rules()
    writers: dict[str, Callable[[BinaryIO], None]] = {
        "result.json": lambda sink: _encode((result.model_dump_json(indent=1), "\n"), sink),
        "result.txt": lambda sink: _encode((result.text, "\n"), sink),
        "result.md": lambda sink: _encode(write_markdown(result), sink),
        "result.hocr": lambda sink: _encode(write_hocr(result, dpi), sink),
        "result.pdf": lambda sink: write_pdf(result, page_image, sink, dpi),
        REPORT: lambda sink: write_report(result, page_image, sink, rules, beside),
    }
    chosen = [name for name in writers if files is None or name in files]
    beside = _worth_opening(result, [name for name in chosen if name != REPORT])
    for name in chosen:
        with _whole(folder / name) as sink:
            writers[name](sink)
    return [folder / name for name in chosen]


def _encode(pieces: Iterable[str], sink: BinaryIO) -> None:
    sink.writelines(piece.encode() for piece in pieces)


def _worth_opening(result: DocumentResult, names: list[str]) -> list[str]:
    """The files that tell more than the report; of a document without text, only result.json does."""
    has_text = any(page.lines for page in result.pages)
    return [name for name in names if has_text or name == "result.json"]


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
