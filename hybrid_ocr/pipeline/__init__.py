"""Reads documents in one process: the stages put together, without a server."""

from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.pipeline import Pipeline
from hybrid_ocr.pipeline.shared import read
from hybrid_ocr.pipeline.task import Progress, Task

__all__ = ["Models", "Pipeline", "Progress", "Task", "read"]
