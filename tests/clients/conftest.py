from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_ocr.clients import AsyncClient, Connection, connect
from local_aws.server import AwsServer
from tests.clients.deployment import Deployment


@pytest.fixture(autouse=True)
def no_aws_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds credentials, a profile or an endpoint that somebody has configured here."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "HYBRID_OCR_ON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture(scope="module")
def deployment(server: AwsServer) -> Deployment:
    return Deployment(server)


@pytest.fixture
def local(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that the environment leads to, with nothing but its endpoint URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", deployment.server.endpoint_url)
    deployment.messages()
    return deployment


@pytest.fixture(scope="module")
def connection(deployment: Deployment) -> Connection:
    return connect(endpoint_url=deployment.server.endpoint_url)


@pytest.fixture(scope="module")
def shared_client(connection: Connection) -> AsyncClient:
    return AsyncClient(connection=connection)


@pytest.fixture
def client(local: Deployment, shared_client: AsyncClient) -> AsyncClient:
    """A client of a deployment whose queue is empty."""
    return shared_client
