from collections.abc import Iterator

import pytest

from local_aws import states
from local_aws.server import AwsServer
from local_aws.tests.states.machines import Machines


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """A process has one moto: the next module starts anew."""
    with states.running(retry_scale=0.0), AwsServer() as server:
        yield Machines(server)
