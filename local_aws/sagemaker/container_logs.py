"""What containers log, into the log groups of their endpoints: /aws/sagemaker/Endpoints/NAME."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from local_aws.sagemaker.endpoint import RunningEndpoint

OnLog = Callable[[str, str, Sequence[bytes]], object]
"""Takes a log group, a stream and lines that were added to it."""


class ContainerLogs:
    """Copies what was added to the log files of containers.

    A container that two endpoints share writes into the groups of both, from its first line on.

    Args:
        write: takes the lines.
    """

    def __init__(self, write: OnLog) -> None:
        self._write = write
        self._copied: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def copy(self, endpoints: Iterable[RunningEndpoint]) -> None:
        """Write the whole lines that the containers of these have logged since the last time."""
        with self._lock:
            for endpoint in endpoints:
                for instance_id, file in list(endpoint.group.logs):
                    place = endpoint.log_group, f"{endpoint.description.variant}/{instance_id}"
                    with file.open("rb") as log:
                        log.seek(self._copied[place])
                        lines, end, _ = log.read().rpartition(b"\n")
                    if end:
                        self._copied[place] += len(lines) + 1
                        self._write(*place, lines.split(b"\n"))
