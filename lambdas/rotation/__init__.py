"""Rotation: quadrant, then skew; upright page images."""

from lambdas.rotation.stage import RotationStage

__all__ = ["RotationStage"]
