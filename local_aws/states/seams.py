"""The seams of moto's interpreter of the States Language, and where they lie."""

from __future__ import annotations

from typing import Final

from local_aws.seams import Seams

SEAMS: Final = Seams()
"""Their state is what the waits of Retry are multiplied with."""

PARSER: Final = "moto.stepfunctions.parser"
ASL: Final = f"{PARSER}.asl"
STATES: Final = f"{ASL}.component.state"
RESPONSES: Final = "moto.stepfunctions.responses:StepFunctionResponse"
