"""Imports moto's Step Functions without EC2.

Its integration with AWS Batch, which no flow of ours calls, imports one enumeration from `moto.batch`, and so
all of EC2: 0.8 s of the second and a half that a local cloud takes to import.
"""

from __future__ import annotations

import importlib
import sys
from enum import StrEnum
from types import ModuleType
from typing import Final

_BATCH: Final = ("moto.batch", "moto.batch.utils")


class _JobStatus(StrEnum):
    """The states of AWS Batch that end a job."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


def import_step_functions() -> None:
    """Import it with a stand-in for `moto.batch`, which is gone again afterwards."""
    if any(name in sys.modules for name in (*_BATCH, "moto.stepfunctions.parser.models")):
        return
    stand_ins = {name: ModuleType(name) for name in _BATCH}
    vars(stand_ins["moto.batch.utils"])["JobStatus"] = _JobStatus
    sys.modules.update(stand_ins)
    try:
        importlib.import_module("moto.stepfunctions.parser.models")
    finally:
        for name in _BATCH:
            sys.modules.pop(name)


import_step_functions()
