"""Documents made for the tests of opening: small, seeded, and some of them hostile."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import Image


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """A picture whose every corner is another colour and which no codec finds trivial."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(7).integers(0, 60, (height, width))
    planes = [x * 190 // width + noise, y * 190 // height + noise, 190 - x * 190 // width + noise]
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_claiming(width: int, height: int, rows: int | None = None) -> bytes:
    """A PNG whose header tells this size, with black pixels for `rows` of it, deflated a thousandfold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    pixels = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff(
    data: bytes,
    *,
    frames: int = 1,
    order: str = "<",
    width: int = 1,
    height: int = 1,
    bits: int = 8,
    photometric: int = 1,
    compression: int = 1,
    count: int | None = None,
    loop: bool = False,
    **tags: int,
) -> bytes:
    """A TIFF written field by field: one strip that all frames share. `tags` are named t<number>."""
    body = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data)) + data)
    entries = {
        256: (4, width),
        257: (4, height),
        258: (3, bits),
        259: (3, compression),
        262: (3, photometric),
        273: (4, 8),
        278: (4, height),
        279: (4, len(data) if count is None else count),
        **{int(name[1:]): (3, value) for name, value in tags.items()},
    }
    first = len(body)
    for number in range(frames):
        body += struct.pack(order + "H", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            field = struct.pack(order + ("HH" if kind == 3 else "I"), *([value, 0] if kind == 3 else [value]))
            body += struct.pack(order + "HHI", tag, kind, 1) + field
        last = number == frames - 1
        body += struct.pack(order + "I", (first if loop else 0) if last else len(body) + 4)
    return bytes(body)


def pdf(*contents: bytes, size: tuple[float, float] = (200, 100), **entries: Any) -> bytes:
    """A PDF with one page for each content stream; `entries` go into every page."""
    document = Pdf.new()
    for content in contents:
        page = document.add_blank_page(page_size=(200, 200))
        page.MediaBox = pikepdf.Object.parse(f"[0 0 {size[0]:.9f} {size[1]:.9f}]".encode())
        page.Contents = document.make_stream(content)
        for name, value in entries.items():
            page[f"/{name}"] = value
    return _saved(document)


def scan(
    data: bytes, pixels: tuple[int, int], *, codec: str, points: tuple[float, float], **entries: Any
) -> bytes:
    """A PDF of one page that is one image from edge to edge."""
    document = Pdf.new()
    page = document.add_blank_page(page_size=points)
    image = Stream(document, data)
    facts: dict[str, Any] = {
        "Type": Name.XObject,
        "Subtype": Name.Image,
        "Width": pixels[0],
        "Height": pixels[1],
        "ColorSpace": Name.DeviceRGB,
        "BitsPerComponent": 8,
        "Filter": Name(f"/{codec}"),
    }
    for name, value in (facts | entries).items():
        image[f"/{name}"] = value
    page.Resources = Dictionary(XObject=Dictionary(Scan=image))
    page.Contents = document.make_stream(f"q {points[0]} 0 0 {points[1]} 0 0 cm /Scan Do Q".encode())
    return _saved(document)


def nested_forms(depth: int, each: int) -> bytes:
    """A PDF whose page draws a form `each` times, which draws another `each` times, and so on."""
    document = Pdf.new()
    page = document.add_blank_page(page_size=(600, 600))
    inner: Any = None
    for _ in range(depth):
        form = document.make_stream(b"0 0 10 10 re f " if inner is None else b"/Inner Do " * each)
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 600, 600])
        if inner is not None:
            form.Resources = Dictionary(XObject=Dictionary(Inner=inner))
        inner = document.make_indirect(form)
    page.Resources = Dictionary(XObject=Dictionary(Inner=inner))
    page.Contents = document.make_stream(b"/Inner Do")
    return _saved(document)


def encrypted(content: bytes, *, user: str) -> bytes:
    document = Pdf.open(io.BytesIO(pdf(content)))
    return _saved(document, encryption=pikepdf.Encryption(owner="owner", user=user))


def cut_at_each_tenth(data: bytes) -> Sequence[bytes]:
    return [data[: len(data) * tenth // 10] for tenth in range(1, 10)] + [data[:-1]]


def _saved(document: Pdf, **options: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer, **options)
    return buffer.getvalue()
