"""A raw image body as the batch of one page that it stands for."""

from __future__ import annotations

from typing import Final

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.contracts.messages import PageBatch, PageImage


def one_page(data: bytes) -> PageBatch:
    """Page 1, as the image is stored; format and size come from its header, no pixel is decoded.

    Raises:
        DocumentError: the bytes are of no image that is read, or declare a size beyond every limit.
    """
    from hybrid_ocr.images import read_header  # brings OpenCV, which would delay the first answer to /ping

    header = read_header(data)
    if max(header.width, header.height) > _MOST_SIDE:
        raise DocumentError(
            f"the image says it has {header.width} x {header.height} pixels", code=ErrorCode.PAGE_TOO_LARGE
        )
    page = PageImage(number=1, width=header.width, height=header.height, encoding=header.encoding, data=data)
    return PageBatch(pages=(page,))


_MOST_SIDE: Final = 100_000  # of `Pixels` in the contracts; the stage has a tighter bound on the area
