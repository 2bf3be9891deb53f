"""Pages that are drawn for the tests of code detection."""

from __future__ import annotations

import cv2
import numpy as np

from hybrid_ocr.contracts.messages import PageImage


def page(number: int, *codes: tuple[str, int, int], line: str = "") -> PageImage:
    """A white page with a line of text and with codes, each what it says and where its top left corner is."""
    image = np.full((900, 700), 255, np.uint8)
    cv2.putText(image, line, (60, 450), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 2)
    for text, x, y in codes:
        code = cv2.QRCodeEncoder.create().encode(text)
        code = cv2.resize(code, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
        image[y : y + code.shape[0], x : x + code.shape[1]] = code
    data = cv2.imencode(".png", image)[1].tobytes()
    return PageImage(number=number, width=700, height=900, encoding="png", data=data)
