"""Container images as data: what runs in place of each, over the model data that S3 has."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from local_aws.containers import Container
from local_aws.errors import ConfigurationError
from local_aws.sagemaker.description import Model
from local_aws.sagemaker.parameters import split_location


@dataclass(frozen=True)
class Image:
    """What runs in place of a container image.

    Args:
        command: its entry point; `python` is the interpreter of this process.
        folder: where it finds its modules.
        environment: its own variables; those of the model are set over them.
        port_variable: gets the port where it must listen.
        model_dir_variable: gets the folder of the unpacked model data; in AWS that is /opt/ml/model.
    """

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port_variable: str = "SAGEMAKER_BIND_TO_PORT"
    model_dir_variable: str = "MODEL_DIR"


def container_of(images: Mapping[str, Image], model: Model, s3: Any) -> Container:
    """The container of a model, its data fetched and unpacked.

    Raises:
        ConfigurationError: nothing is there to run as its image, or its data is no model.tar.gz.
        botocore.exceptions.ClientError: the data is not there.
    """
    image = images.get(model.image)
    if image is None:
        raise ConfigurationError(
            f"model {model.name}: the local AWS was given nothing to run as {model.image}"
        )
    variables = {"PYTHONPATH": str(image.folder), **image.environment, **model.environment}
    if model.model_data_url:
        variables[image.model_dir_variable] = str(_fetched(model.model_data_url, s3))
    command = [sys.executable if part == "python" else part for part in image.command]
    return Container(model.name, command, variables, image.port_variable)


def _fetched(url: str, s3: Any) -> Path:
    """A folder with the files of a model.tar.gz, which lives as long as this process."""
    bucket, key = split_location(url)
    folder = Path(tempfile.mkdtemp(dir=_models().name)).resolve()
    archive, model = folder / "model.tar.gz", folder / "model"
    s3.download_file(bucket, key, str(archive))
    try:
        with tarfile.open(archive) as packed:
            for member in packed:  # filter="data" came with Python 3.11.4
                if not (member.isdir() or member.isfile()) or not _is_inside(model, member.name):
                    raise ConfigurationError(f"{url} has a member that is not unpacked: {member.name[:80]!r}")
                packed.extract(member, model)
    except tarfile.TarError as error:
        raise ConfigurationError(f"{url} is no model.tar.gz: {error}") from None
    archive.unlink()
    return model


@cache
def _models() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="local-aws-models-")


def _is_inside(folder: Path, name: str) -> bool:
    return (folder / name).resolve().is_relative_to(folder)
