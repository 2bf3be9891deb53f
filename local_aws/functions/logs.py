"""What the instances of a function print, line by line, each line under its request's id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_LONGEST_LINE: Final = 2**20
"""CloudWatch Logs takes no longer event."""

_TAIL_BYTES: Final = 4096


class LogStream:
    """What one instance prints, cut into lines.

    Args:
        name: as of a stream of CloudWatch Logs.
        on_lines: gets a request's id and its lines, whole and without their ends.
    """

    def __init__(self, name: str, on_lines: Callable[[str, list[bytes]], None]) -> None:
        self.name, self._on_lines = name, on_lines
        self._rest = b""
        self._request_id = "-"
        self.tail = b""
        """The last 4 KiB of this request."""

    def begin(self, request_id: str) -> None:
        """What comes from here on belongs to this request."""
        self._request_id, self.tail = request_id, b""

    def feed(self, data: bytes) -> None:
        """Take what was printed; a line goes on when it is whole, or too long to wait for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        self.add(*lines)

    def flush(self) -> None:
        """The last line, where it has no end."""
        if self._rest:
            self.feed(b"\n")

    def add(self, *lines: bytes) -> None:
        """Add lines, of the instance or about it."""
        if lines:
            self.tail = (self.tail + b"\n".join(lines) + b"\n")[-_TAIL_BYTES:]
            self._on_lines(self._request_id, list(lines))
