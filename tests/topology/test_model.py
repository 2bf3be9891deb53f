"""What the topology derives of what it declares."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hybrid_ocr.contracts.names import Names
from stepfunctions import called_functions
from topology import Topology, load_topology
from topology.model import EXECUTIONS_A_CALL, Table

TOPOLOGY = load_topology()


def changed(**told: Any) -> Topology:
    """The topology whose state machine has other fields."""
    return Topology.model_validate(
        {**TOPOLOGY.model_dump(), "state_machines": {"documents": {**MACHINE, **told}}}
    )


MACHINE = TOPOLOGY.state_machines["documents"].model_dump()


def test_as_many_executions_as_the_functions_of_the_flow_bear() -> None:
    calls = sum(TOPOLOGY.functions[name].concurrency for name in called_functions())
    assert TOPOLOGY.most_executions("documents") == EXECUTIONS_A_CALL * calls


def test_the_number_of_executions_can_be_set_and_reaches_the_functions_that_start_them() -> None:
    topology = changed(most_executions=7)
    for name in ("intake", "conclude", "sweep"):
        assert topology.environment(name, Names())["HYBRID_OCR_MOST_EXECUTIONS"] == "7"


@pytest.mark.parametrize("number", [0, 5_001])
def test_a_number_of_executions_that_cannot_work_is_refused(number: int) -> None:
    with pytest.raises(ValidationError, match="most_executions"):
        changed(most_executions=number)


def test_every_attribute_of_a_table_that_is_a_key_has_its_type() -> None:
    indexes = [{"name": "a", "key": "a", "sort": "at"}, {"name": "b", "key": "b", "sort": "at"}]
    table = Table.model_validate({"key": "id", "ttl": "expires_at", "indexes": indexes})
    assert table.attributes == {"id": "S", "a": "S", "b": "S", "at": "N"}


def test_every_value_of_an_environment_is_resolved() -> None:
    kinds = (
        "bucket:",
        "table:",
        "bus:",
        "state_machine:",
        "queue:",
        "dead_letter_queue:",
        "most_executions:",
    )
    for name in TOPOLOGY.functions:
        assert not [v for v in TOPOLOGY.environment(name, Names()).values() if v.startswith(kinds)]
