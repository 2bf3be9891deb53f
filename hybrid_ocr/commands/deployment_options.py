"""Which deployment a command speaks to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Concatenate, Final, ParamSpec, TypeVar, get_type_hints

import typer

from hybrid_ocr.contracts.errors import RequestError

if TYPE_CHECKING:
    from hybrid_ocr.clients import AsyncClient, Connection

P = ParamSpec("P")
R = TypeVar("R")
_PANEL: Final = "Where"


@dataclass(frozen=True)
class DeploymentOptions:
    """A deployment as the command line names it: the options that all commands share which speak to one."""

    on: Annotated[
        str | None,
        typer.Option(
            metavar="local|STAGE",
            envvar="HYBRID_OCR_ON",
            help="The local cloud, or a deployment in AWS by its stage. Unless told, `local` where the"
            " endpoint URL leads to this machine, else `prod`.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of ~/.aws/config; else AWS_PROFILE.", rich_help_panel=_PANEL),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Else AWS_REGION, AWS_DEFAULT_REGION or the profile's.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    endpoint_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Else AWS_ENDPOINT_URL; with `--on local` else where `hybrid-ocr up` answers unless told.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def connect(self) -> Connection:
        """A connection to it. Raises as `hybrid_ocr.clients.connect` does; RequestError for `process`."""
        if self.on == "process":
            raise RequestError("--on process: only `read` reads in its own process; say local or a stage")
        from hybrid_ocr.clients import connect  # boto3 takes a while, and --help has no use for it

        return connect(self.on, profile=self.profile, region=self.region, endpoint_url=self.endpoint_url)

    def client(self) -> AsyncClient:
        """A client of its jobs. Raises as `hybrid_ocr.clients.connect` does."""
        from hybrid_ocr.clients import AsyncClient

        return AsyncClient(connection=self.connect())


def with_deployment_options(body: Callable[Concatenate[DeploymentOptions, P], R]) -> Callable[..., R]:
    """Give a command these options after its own; it takes them as its first argument."""
    own = inspect.signature(body, eval_str=True)
    _, *others = own.parameters.values()
    hints = get_type_hints(DeploymentOptions, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(DeploymentOptions)
    ]

    @wraps(body)
    def command(**arguments: object) -> R:
        deployment = DeploymentOptions(**{option.name: arguments.pop(option.name) for option in options})  # type: ignore[arg-type]
        return body(deployment, **arguments)  # type: ignore[call-arg,arg-type]

    command.__signature__ = own.replace(parameters=[*others, *options])  # type: ignore[attr-defined]
    return command
