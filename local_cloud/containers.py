"""The container server of this project as a process: its module, and the settings that an image would set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from hybrid_ocr.contracts.names import VARIABLE_PREFIX
from local_aws.containers import Container


def endpoint_container(
    name: str,
    model_dir: Path | None,
    *,
    module: str = "",
    settings: Mapping[str, str | int | float | Path | None] | None = None,
    environment: Mapping[str, str] | None = None,
    python: Path = Path(sys.executable),
) -> Container:
    """A container to start.

    Args:
        name: of the container and its log file.
        model_dir: the unpacked model artefact; None for a stage that has none.
        module: what runs, as in `python -m MODULE serve`; by default the endpoint of that name.
        settings: fields of `ContainerSettings` that differ from this process's own environment.
        environment: other variables.
        python: the interpreter of the environment that has what the container's engine needs.
    """
    fixed = {"host": "127.0.0.1", "exit_with_stdin": "true", "model_dir": model_dir}
    values = {**(settings or {}), **fixed}
    named = {VARIABLE_PREFIX + key.upper(): str(value) for key, value in values.items() if value is not None}
    # -P keeps modules of the working directory from being imported by accident.
    command = (str(python), "-P", "-m", module or f"endpoints.{name}", "serve")
    return Container(name, command, {**(environment or {}), **named}, f"{VARIABLE_PREFIX}PORT")
