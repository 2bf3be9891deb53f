"""All checks of a stage, one after another: first what this machine can tell, then what the account can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.errors import ConfigurationError, OcrError
from infra.preflight.account import bootstrapped, names_free, network, stack_statuses, stacks_at_rest
from infra.preflight.check import Check, asked, failed, ok
from infra.preflight.machine import artifacts, builder
from infra.preflight.quotas import concurrency, quotas, types
from infra.settings import load_settings

__all__ = ["checks"]


def checks(stage: str, connect: Callable[[], Connection], *, root: Path, built: Path) -> Iterator[Check]:
    """Look at everything that a deployment of a stage needs. Nothing is changed, and nothing costs money.

    Args:
        stage: a file of infra/stages/, without its ending.
        connect: to the account that it is for; what it raises becomes a check.
        root: of the checkout.
        built: the folder of the artefacts that were built.
    """
    try:
        settings = load_settings(stage, dockerfile=root / "endpoints" / "Dockerfile")
    except ConfigurationError as error:
        yield failed("settings", error.message)
        return
    yield ok("settings", f"infra/stages/{stage}.toml")
    yield from artifacts(root, built)
    yield from builder()
    try:
        connection = connect()
    except OcrError as error:
        yield failed("account", error.message)
        return
    yield ok("account", connection.where)
    statuses: dict[str, str] = {}

    def stacks() -> Iterable[Check]:
        statuses.update(stack_statuses(connection))
        return stacks_at_rest(statuses)

    yield from asked("stacks", stacks)
    yield from asked("bootstrap", lambda: bootstrapped(connection))
    yield from asked("names", lambda: names_free(connection, statuses))
    yield from asked("network", lambda: network(connection, settings, statuses))
    yield from asked("concurrency", lambda: concurrency(connection))
    yield from asked("types", lambda: types(connection, settings))
    yield from asked("quotas", lambda: quotas(connection, settings))
