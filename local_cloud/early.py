"""Containers that start before the cloud they serve in.

The containers take about as many seconds of CPU until they are ready as the rest of the cloud does, half of
which is imports. Where both begin at once, two cores have both in the time of one.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from hybrid_ocr.contracts.stages import ENDPOINTS
from local_aws.containers import Container, ContainerProcess
from local_cloud.models import LocalModels


class EarlyContainers:
    """Starts the containers of a bundle now, and hands each to the first who wants just that one.

    Args:
        models: the bundle.
        log_dir: where their logs go, as STAGE.log; a temporary folder unless given.

    Raises:
        ArtifactError: an artefact is not there.
        EngineError: the environment of the engine is not there.
    """

    def __init__(self, models: LocalModels, log_dir: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._resources = ExitStack()
        containers = [models.container(stage) for stage in ENDPOINTS]
        self.log_dir = log_dir or Path(
            self._resources.enter_context(tempfile.TemporaryDirectory(prefix="hybrid-ocr-logs-"))
        )
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._waiting = [
            (each, ContainerProcess(each, self.log_dir / f"{each.name}.log")) for each in containers
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End those that nobody wanted."""
        with self._lock:
            for _container, process in self._waiting:
                process.kill()
                process.reap(1.0)
            self._waiting.clear()
            self._resources.close()

    def launch(self, container: Container, log: Path) -> ContainerProcess:
        """The process of a container: the one that was started early, or a new one that logs to `log`."""
        with self._lock:
            for place, (early, process) in enumerate(self._waiting):
                if early == container:
                    del self._waiting[place]
                    return process
        return ContainerProcess(container, log)
