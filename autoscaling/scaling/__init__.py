"""How AWS scales, as plain functions and one small machine: no clock, no cloud, no simulation in here.

The same code answers inside the simulators and, once a minute, for the real processes of the local cloud.
"""

from autoscaling.scaling.rules import HIGH_RESOLUTION, STANDARD, Rules
from autoscaling.scaling.scaler import Scaler
from autoscaling.scaling.schedule import parse_when
from autoscaling.scaling.steps import Step, StepScaling
from autoscaling.scaling.tracking import tracked_capacity

__all__ = [
    "HIGH_RESOLUTION",
    "STANDARD",
    "Rules",
    "Scaler",
    "Step",
    "StepScaling",
    "parse_when",
    "tracked_capacity",
]
