"""Tables, buckets and queues in moto, and the handlers as Lambda loads them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hybrid_ocr.storage.tickets import Tickets
from tests.functions.component import ENVIRONMENT, Component, create
from tests.functions.context import Context

Call = Callable[[dict[str, Any]], dict[str, Any] | None]


@pytest.fixture(scope="session")
def environment() -> Iterator[None]:
    """What Lambda sets, before any handler module is imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def component(environment: None) -> Iterator[Component]:
    """A component in which nothing has happened yet."""
    with mock_aws():
        yield create()


@pytest.fixture(scope="module")
def table(environment: None) -> Iterator[Any]:
    """A table of tickets that a whole module shares: its tests use inference ids of their own."""
    with mock_aws():
        create()
        yield boto3.resource("dynamodb").Table(ENVIRONMENT["HYBRID_OCR_TICKETS_TABLE"])


@pytest.fixture
def tickets(component: Component) -> Tickets:
    return Tickets(ENVIRONMENT["HYBRID_OCR_TICKETS_TABLE"])


def cold_start(name: str, seconds: float = 60.0) -> Call:
    """The handler of a function, its module loaded afresh, with so much time for each invocation."""
    module = importlib.reload(importlib.import_module(f"lambdas.{name}.handler"))
    return lambda event: module.handler(event, Context(seconds))


@pytest.fixture
def load(component: Component) -> Callable[[str], Call]:
    """Starts a function of the component."""
    return cold_start
