"""What containers log, into the log groups of their endpoints: /aws/sagemaker/Endpoints/NAME."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from local_aws.sagemaker.endpoint import RunningEndpoint

OnLog = Callable[[str, str, Sequence[bytes]], object]
"""Takes a log group, a stream and lines that were added to it."""

_MOST_BYTES: Final = 4 * 2**20
"""Read of one log at a time."""


class ContainerLogs:
    """Copies what was added to the log files of containers.

    A container that two endpoints share writes into the groups of both, from its first line on.

    Args:
        write: takes the lines.
    """

    def __init__(self, write: OnLog) -> None:
        self._write = write
        self._read: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def copy(self, endpoints: Iterable[RunningEndpoint]) -> None:
        """Write what the containers of these have logged since the last time."""
        with self._lock:
            for endpoint in endpoints:
                for instance_id, file in list(endpoint.group.logs):
                    lines = self._new_lines((endpoint.log_group, instance_id), file)
                    if lines:
                        stream = f"{endpoint.description.variant}/{instance_id}"
                        self._write(endpoint.log_group, stream, lines)

    def _new_lines(self, key: tuple[str, str], file: Path) -> list[bytes]:
        """Those that are whole."""
        start = self._read.get(key, 0)
        try:
            if file.stat().st_size <= start:
                return []
            with file.open("rb") as stream:
                stream.seek(start)
                text = stream.read(_MOST_BYTES)
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1] or (text if len(text) == _MOST_BYTES else b"")
        self._read[key] = start + len(whole)
        return whole.splitlines()
