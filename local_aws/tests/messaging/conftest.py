import pytest

from local_aws.server import AwsServer
from local_aws.tests.messaging.delivering import create


@pytest.fixture(scope="module")
def aws():
    with AwsServer() as server:
        create(server)
        yield server
