from collections.abc import Iterator

import pytest

from local_cloud import moto_stepfunctions
from tests.stepfunctions.cloud import Cloud


@pytest.fixture(scope="session")
def session_cloud() -> Iterator[Cloud]:
    moto_stepfunctions.install(retry_scale=0.0)
    cloud = Cloud()
    cloud.listen()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(session_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """moto calls back to the port that this variable names."""
    monkeypatch.setenv("MOTO_PORT", str(session_cloud.port))
    moto_stepfunctions.install(retry_scale=0.0)
    return session_cloud
