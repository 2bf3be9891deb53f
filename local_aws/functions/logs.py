"""The log of a function: what its instances print, line by line, each line under its request's id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

_LONGEST_LINE: Final = 2**20
"""CloudWatch Logs takes no longer event."""

_TAIL_BYTES: Final = 4096


class FunctionLog:
    """The file of one function, shared by its instances."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._writing = threading.Lock()

    def write(self, request_id: str, lines: list[bytes]) -> None:
        """Add lines, whole and together."""
        text = b"".join(b"%s %s\n" % (request_id.encode(), line) for line in lines)
        with self._writing:
            if not self._file.closed:
                self._file.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close it; later lines are dropped."""
        with self._writing:
            self._file.close()


class LogStream:
    """What one instance prints, cut into lines.

    Args:
        log: where the lines go.
        on_line: gets each of them too.
    """

    def __init__(self, log: FunctionLog, on_line: Callable[[bytes], None]) -> None:
        self._log, self._on_line = log, on_line
        self._rest = b""
        self._tail = b""
        self._request_id = "-"

    def begin(self, request_id: str) -> None:
        """What comes from here on belongs to this request."""
        self._request_id, self._tail = request_id, b""

    def feed(self, data: bytes) -> None:
        """Take what was printed; a line goes on when it is whole, or too long to wait for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        self.tell(*lines)

    def flush(self) -> None:
        """The last line, where it has no end."""
        rest, self._rest = self._rest, b""
        if rest:
            self.tell(rest)

    def tell(self, *lines: bytes) -> None:
        """Add lines, of the instance or about it."""
        if lines:
            self._log.write(self._request_id, list(lines))
            self._tail = (self._tail + b"\n".join(lines) + b"\n")[-_TAIL_BYTES:]
        for line in lines:
            self._on_line(line)

    @property
    def tail(self) -> bytes:
        """The last 4 KiB of this request."""
        return self._tail
