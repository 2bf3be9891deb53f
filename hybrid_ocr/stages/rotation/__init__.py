"""Rotation: quadrant, then skew; upright page images."""

from hybrid_ocr.stages.rotation.stage import RotationStage

__all__ = ["RotationStage"]
