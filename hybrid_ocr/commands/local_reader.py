"""Reads documents through the whole flow on a local cloud that lives as long as the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hybrid_ocr.clients import Connection
from hybrid_ocr.commands.deployment_reader import DeploymentReader
from hybrid_ocr.commands.reading import ReaderOptions
from hybrid_ocr.stages.validation import load_rules
from local_cloud.early import EarlyContainers
from local_cloud.models import LocalModels


def local_reader(options: ReaderOptions) -> DeploymentReader:
    """A reader over a local cloud of its own, which starts on entry.

    Raises:
        ConfigurationError: a rule cannot work.
        EngineError, ArtifactError: the engine or a model is not there.
    """
    load_rules(options.rules)
    models = LocalModels(options.engine, options.script)
    models.check()
    models.build_missing()
    return DeploymentReader(
        _connected(options, models), pages=options.pages, script=options.script, files=options.files
    )


@contextmanager
def _connected(options: ReaderOptions, models: LocalModels) -> Iterator[Connection]:
    with EarlyContainers(models) as early:  # before the next import, which takes long
        from local_cloud.cloud import CloudSettings, LocalCloud

        settings = CloudSettings(
            engine=options.engine,
            script=options.script,
            rules=options.rules,
            metrics=False,
            launch=early.launch,
        )
        cloud = LocalCloud(settings)
        cloud.start()
        try:
            yield cloud.connection()
        finally:
            cloud.stop()
