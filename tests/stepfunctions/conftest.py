from collections.abc import Iterator

import pytest

from local_cloud import moto_stepfunctions
from tests.stepfunctions.cloud import Cloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A process has one moto: the next module starts anew."""
    moto_stepfunctions.install(retry_scale=0.0)
    cloud = Cloud()
    try:
        yield cloud
    finally:
        cloud.stop()
        moto_stepfunctions.install(retry_scale=1.0)
