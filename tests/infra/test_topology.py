"""What the topology refuses, and what it says of every function."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from topology import load_topology
from topology.model import LONGEST_STARTUP_SECONDS, Function

FUNCTIONS = load_topology().functions
INTAKE = FUNCTIONS["intake"].model_dump()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_in_less_than_half_of_what_lambda_allows_and_somebody_measured_it(
    name: str,
) -> None:
    function = FUNCTIONS[name]
    assert function.startup_seconds is not None
    assert function.startup_seconds <= LONGEST_STARTUP_SECONDS <= 5


def test_too_little_memory_is_refused_with_how_much_would_do() -> None:
    with pytest.raises(ValidationError) as refused:
        Function.model_validate({**INTAKE, "memory_mb": 256, "startup_cpu_seconds": 0.8})
    assert "5.5 s with 256 MB, and Lambda ends it after 10 s: give it 354 MB or more" in str(refused.value)


def test_a_function_that_nobody_measured_is_taken_as_it_is() -> None:
    function = Function.model_validate({**INTAKE, "memory_mb": 128, "startup_cpu_seconds": None})
    assert function.startup_seconds is None


def test_memory_beyond_a_whole_processor_makes_no_start_shorter() -> None:
    large = Function.model_validate({**INTAKE, "memory_mb": 3_008, "startup_cpu_seconds": 1.5})
    assert large.startup_seconds == 1.5
