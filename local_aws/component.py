"""A component as data: the code it runs, and the requests to AWS's API that make the rest of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

from local_aws.containers import Container
from local_aws.errors import ConfigurationError
from local_aws.functions import FunctionSpec
from local_aws.sagemaker.description import Model
from local_aws.sagemaker.images import Image, container_of

Containers = Callable[[Model, Any], Container]
"""Makes the container that serves a SageMaker model, given a client of S3; raises what its start would."""


class Request(NamedTuple):
    """A call of AWS's API, in boto3's words: `Request("sqs", "create_queue", {"QueueName": "jobs"})`."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class About:
    """What a component says of itself to people: on the page at the address of the local AWS.

    Args:
        title: its name.
        usage: what to do with it: a sentence and a command each.
        upload: `BUCKET/PREFIX` that files are sent to; the page has a form for it.
        results: `BUCKET/PREFIX` where its newest objects are linked.
    """

    title: str = "A component"
    usage: Sequence[tuple[str, str]] = ()
    upload: str = ""
    results: str = ""


_NO_IMAGES = partial(container_of, {})


@dataclass(frozen=True)
class Component:
    """What a local AWS runs. All else is in the records that its requests, or those of clients, make.

    Args:
        functions: Lambda functions by name; their code is on this machine.
        containers: makes the container of a SageMaker model.
        requests: made in their order when the local AWS has started.
        modules: what most functions import; imported once. None may start a thread or open a file.
        services: of AWS, whose clients most functions make.
        about: for people.
    """

    functions: Mapping[str, FunctionSpec] = field(default_factory=dict)
    containers: Containers = _NO_IMAGES
    requests: Sequence[Request] = ()
    modules: Sequence[str] = ()
    services: Sequence[str] = ()
    about: About = field(default_factory=About)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a component from TOML.

        `[functions.NAME]` has the fields of FunctionSpec and `[images."URI"]` those of Image; both find their
        modules in the folder of the file. `[about]` has the fields of About. Every other table is a service
        and has arrays of requests: `[[sqs.create_queue]]`. A member that is `{file = "flow.asl.json"}`
        becomes the text of that file.

        Raises:
            ConfigurationError: the file is not there, or not of this form.
        """
        try:
            path = Path(path)
            data = tomllib.loads(path.read_text("utf-8"))
            folder = path.resolve().parent
            functions = {
                name: FunctionSpec(**{"code": folder, **fields})
                for name, fields in data.pop("functions", {}).items()
            }
            images = {uri: Image(folder=folder, **fields) for uri, fields in data.pop("images", {}).items()}
            about = About(**data.pop("about", {}))
            requests = [
                Request(service, operation, _with_files(parameters, folder))
                for service, operations in data.items()
                for operation, calls in operations.items()
                for parameters in calls
            ]
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"component {path}: {error}") from None
        return cls(functions, partial(container_of, images), requests, about=about)


def _with_files(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"file"}:
            return (folder / value["file"]).read_text("utf-8")
        return {key: _with_files(part, folder) for key, part in value.items()}
    return [_with_files(part, folder) for part in value] if isinstance(value, list) else value
