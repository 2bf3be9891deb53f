"""Which reader a call of `read` gets: in this process, on a local cloud, or through a deployment in AWS."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Final

from hybrid_ocr.commands.reading import DocumentReader, ReaderOptions
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.names import LOCAL_STAGE
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.needs import needs

PROCESS: Final = "process"
DEFAULT_ENGINE: Final[EngineName] = "openvino"


def reader_for(options: ReaderOptions, announce: Callable[[str], None]) -> DocumentReader:
    """The reader; it has not started anything yet, and what cannot work is refused here.

    Each imports what only it needs.

    Args:
        options: the options of the call.
        announce: called with a line of text for what takes a while before the first page.

    Raises:
        RequestError: an option that belongs to another place.
        ConfigurationError, EngineError: rules or engine cannot work.
    """
    if options.where == PROCESS:
        from hybrid_ocr.commands.process_reader import ProcessReader
        from hybrid_ocr.pipeline import Pipeline

        pipeline = Pipeline(engine=options.engine, script=options.script, rules=options.rules)
        return ProcessReader(pipeline, pages=options.pages, files=options.files, announce=announce)
    if options.where == LOCAL_STAGE and "AWS_ENDPOINT_URL" not in os.environ:
        with needs("read --on local", extra="local"):
            import_module("local_cloud")  # a checkout is needed first, before any package
            from hybrid_ocr.commands.local_reader import local_reader
        return local_reader(options)
    if options.engine != DEFAULT_ENGINE or options.rules is not None:
        raise RequestError(
            f"--engine and --rules are settled where {options.where} is deployed: leave them out, "
            f"or read on {PROCESS}"
        )
    with needs(f"read --on {options.where}", extra="read,client"):
        from hybrid_ocr.clients import connect
        from hybrid_ocr.commands.deployment_reader import DeploymentReader
    return DeploymentReader(
        nullcontext(connect(options.where)), pages=options.pages, script=options.script, files=options.files
    )
