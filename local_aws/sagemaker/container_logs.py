"""What containers log, into the log groups of their endpoints: /aws/sagemaker/Endpoints/NAME."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from local_aws.sagemaker.endpoint import RunningEndpoint

OnLog = Callable[[str, str, Sequence[bytes]], object]
"""Takes a log group, a stream and lines that were added to it."""

_POLL_SECONDS: Final = 0.25
_MOST_BYTES: Final = 4 * 2**20
"""Read of one log at a time."""

log = logging.getLogger(__name__)


class ContainerLogs:
    """Follows the log files of all containers in one thread, until it is stopped.

    A container that two endpoints share writes into the groups of both, from its first line on.

    Args:
        write: takes the lines.
        endpoints: those whose containers are followed.
    """

    def __init__(self, write: OnLog, endpoints: Callable[[], Iterable[RunningEndpoint]]) -> None:
        self._write, self._endpoints = write, endpoints
        self._read: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Follow from now on."""
        threading.Thread(target=self._follow, name="container-logs", daemon=True).start()

    def stop(self) -> None:
        """Follow no more, after what is there now."""
        self._stopped.set()
        self.copy()

    def copy(self) -> None:
        """Write what was logged since the last time."""
        with self._lock:
            for endpoint in self._endpoints():
                for instance_id, file in list(endpoint.group.logs):
                    lines = self._new_lines((endpoint.log_group, instance_id), file)
                    if lines:
                        self._write(
                            endpoint.log_group, f"{endpoint.description.variant}/{instance_id}", lines
                        )

    def _follow(self) -> None:
        while not self._stopped.wait(_POLL_SECONDS):
            try:
                self.copy()
            except Exception:
                log.exception("logs of containers could not be copied")

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
