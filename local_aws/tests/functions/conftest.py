from pathlib import Path

import pytest

from local_aws.functions import FunctionPool, FunctionSpec
from local_aws.tests.patience import PATIENCE

HANDLERS = "local_aws.tests.functions.handlers"


def spec(handler: str, **fields) -> FunctionSpec:
    return FunctionSpec(f"{HANDLERS}.{handler}", **{"timeout_seconds": PATIENCE, "memory_mb": 512, **fields})


@pytest.fixture(scope="session")
def pool(tmp_path_factory):
    """One pool for tests that leave nothing behind in it."""
    names = ("fail", "leave", "big", "odd", "speak", "mute")
    functions = {name: spec(name) for name in names} | {
        "echo": spec(
            "echo", environment={"GREETING": "bonjour", "HYBRID_OCR_WORK_BUCKET": "work"}, memory_mb=256
        ),
        "plain": spec("echo"),
        "one": spec("sleep"),
        "several": spec("sleep", concurrency=3),
        "hasty": spec("sleep", timeout_seconds=0.3),
        "small": spec("grow", memory_mb=128),
        "absent": FunctionSpec("local_aws.tests.functions.nowhere.handler"),
        "unnamed": FunctionSpec(f"{HANDLERS}.nothing"),
    }
    with FunctionPool(
        functions, tmp_path_factory.mktemp("logs"), endpoint_url="http://127.0.0.1:1", patience_seconds=0.2
    ) as running:
        yield running


@pytest.fixture
def log_of(pool):
    def read(name: str) -> str:
        return Path(pool.log_dir / f"{name}.log").read_text()

    return read
