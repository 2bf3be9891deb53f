"""A PDF file written front to back: each object goes to disk as it is made, the table of offsets at the end.

ISO 32000-1, 7.5. Nothing in it depends on time or chance: the same document gives the same bytes.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO


class PdfFile:
    """Numbers objects, writes them, remembers where they are."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._offsets: dict[int, int] = {}
        self._last = 0
        self._position = 0
        # Four bytes above 127 tell transfer programs that the file is binary.
        self._put(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")

    def reserve(self) -> int:
        """The number of an object that is written later."""
        self._last += 1
        return self._last

    def add(self, body: str, number: int | None = None) -> int:
        """Write an object; its number."""
        number = number or self.reserve()
        self._offsets[number] = self._position
        self._put(f"{number} 0 obj\n{body}\nendobj\n".encode("ascii"))
        return number

    def add_stream(self, data: bytes, entries: str = "", *, compress: bool = True) -> int:
        """Write a stream; its number. `compress` is False for data that has its own filter in `entries`."""
        if compress:
            data, entries = zlib.compress(data, 6), f"{entries} /Filter /FlateDecode"
        number = self.reserve()
        self._offsets[number] = self._position
        self._put(f"{number} 0 obj\n<< {entries} /Length {len(data)} >>\nstream\n".encode("ascii"))
        self._put(data)
        self._put(b"\nendstream\nendobj\n")
        return number

    def finish(self, catalogue: int, info: int) -> None:
        """Write the table of offsets and the trailer, which names the catalogue and the metadata."""
        start = self._position
        rows = [f"{self._offsets[n]:010} 00000 n \n" for n in range(1, self._last + 1)]
        self._put(f"xref\n0 {self._last + 1}\n0000000000 65535 f \n{''.join(rows)}".encode("ascii"))
        roots = f"/Root {catalogue} 0 R /Info {info} 0 R"
        trailer = f"trailer\n<< /Size {self._last + 1} {roots} >>\nstartxref\n{start}\n%%EOF\n"
        self._put(trailer.encode("ascii"))

    def _put(self, data: bytes) -> None:
        self._sink.write(data)
        self._position += len(data)
