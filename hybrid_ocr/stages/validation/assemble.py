"""The answers of the stages for a page, put together as one page of the result."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, PageRegions, PageText, RecognisedLine, Region
from hybrid_ocr.contracts.result import PageParts, ResultLine, ResultPage, Rotation
from hybrid_ocr.stages.validation.boxes import LIMIT, Boxes, region_boxes
from hybrid_ocr.stages.validation.reading_order import reading_order

ID_LENGTH = 32


def assemble_page(parts: PageParts) -> ResultPage:
    """One page of the result, its lines in reading order.

    A page is `failed` where it has no text, `partial` where it has text but no regions. A failed page still
    shows what is known of it: its size, and the regions where those were found.
    """
    page = parts.page
    if isinstance(page, FailedPage):
        return ResultPage(number=page.number, status="failed", error=page.error)
    found = parts.regions.regions if isinstance(parts.regions, PageRegions) else ()
    regions = _with_unique_ids(found)
    lines = parts.text.lines if isinstance(parts.text, PageText) else ()
    failure = _failure(parts)
    status = "failed" if not isinstance(parts.text, PageText) else "partial" if failure else "ok"
    return ResultPage(
        number=page.number,
        width=page.width,
        height=page.height,
        rotation=Rotation(quadrant=page.quadrant, skew_degrees=page.skew_degrees),
        to_original=page.to_original,
        regions=regions,
        lines=_in_order(lines, regions),
        status=status,
        error=failure,
    )


def assign_regions(polygons: Boxes, regions: Boxes) -> list[int | None]:
    """For each line the index of the region it belongs to, or None.

    The smallest region that holds the middle of the line; where none does, the one that holds most of it,
    at least half. One pass over the lines for each region.

    Args:
        polygons: (N, 4, 2) corners of the lines.
        regions: (R, 4) boxes.
    """
    boxes = np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1.0)
    smallest, holder = np.full(len(boxes), np.inf), np.full(len(boxes), -1)
    most, overlapping = np.full(len(boxes), 0.5), np.full(len(boxes), -1)
    for index, region in enumerate(regions):
        holds: NDArray[np.bool_] = np.all((middle >= region[:2]) & (middle <= region[2:]), axis=1)
        size = float(np.prod(region[2:] - region[:2]))
        better = holds & (size < smallest)
        smallest[better], holder[better] = size, index
        shared = np.minimum(boxes[:, 2:], region[2:]) - np.maximum(boxes[:, :2], region[:2])
        share = np.prod(np.maximum(shared, 0.0), axis=1) / area
        fuller = share > most
        most[fuller], overlapping[fuller] = share[fuller], index
    chosen = np.where(holder >= 0, holder, overlapping)
    return [None if n < 0 else int(n) for n in chosen]


def _in_order(lines: tuple[RecognisedLine, ...], regions: tuple[Region, ...]) -> tuple[ResultLine, ...]:
    if not lines:
        return ()
    # The order in which lines arrive carries no meaning; sorted first, it cannot leak into the result.
    lines = tuple(sorted(lines, key=lambda line: (line.polygon, line.text, line.id, line.confidence)))
    corners = np.clip(np.array([line.polygon for line in lines], np.float64), -LIMIT, LIMIT)
    region_of = assign_regions(corners, region_boxes(regions))
    order = reading_order([line.polygon for line in lines], regions, region_of)
    ids = unique_ids(lines[n].id for n in order)
    region_ids = [None if index is None else regions[index].id for index in region_of]
    return tuple(
        ResultLine(
            id=new_id,
            text=lines[n].text,
            confidence=lines[n].confidence,
            polygon=lines[n].polygon,
            region_id=region_ids[n],
        )
        for n, new_id in zip(order, ids, strict=True)
    )


def _with_unique_ids(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    regions = tuple(sorted(regions, key=lambda r: (r.bbox[1], r.bbox[0], r.bbox, r.label, r.id, r.score)))
    ids = unique_ids(region.id for region in regions)
    return tuple(
        region if region.id == new_id else region.model_copy(update={"id": new_id})
        for region, new_id in zip(regions, ids, strict=True)
    )


def unique_ids(ids: Iterable[str]) -> list[str]:
    """The ids, with a number behind each that was seen before: a finding must name one line, not two."""
    taken: set[str] = set()
    repeats: dict[str, int] = {}
    unique = []
    for wanted in ids:
        new_id = wanted
        while new_id in taken:
            repeats[wanted] = repeats.get(wanted, 1) + 1
            suffix = f"-{repeats[wanted]}"
            new_id = wanted[: ID_LENGTH - len(suffix)] + suffix
        taken.add(new_id)
        unique.append(new_id)
    return unique


def _failure(parts: PageParts) -> ErrorInfo | None:
    """Why a page is not whole: the stage that was lost first."""
    for answer, stages in ((parts.text, "text detection or OCR"), (parts.regions, "region detection")):
        if isinstance(answer, FailedPage):
            return answer.error
        if answer is None:
            return ErrorInfo(
                code=ErrorCode.INTERNAL, message=f"no answer of {stages} for this page", retryable=True
            )
    return None
