from collections.abc import Iterator

import pytest

from local_aws import states
from tests.stepfunctions.cloud import Cloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A process has one moto: the next module starts anew."""
    with states.running(retry_scale=0.0):
        cloud = Cloud()
        try:
            yield cloud
        finally:
            cloud.stop()
