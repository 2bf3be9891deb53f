from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.server import AwsServer


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture
def cloudwatch(server: AwsServer) -> Any:
    return server.client("cloudwatch")
