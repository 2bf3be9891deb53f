"""The host of a model container: the routes SageMaker calls, dynamic batching, health and draining."""

from ocr_core.hosts.container.binding import Binding
from ocr_core.hosts.container.server import main

__all__ = ["Binding", "main"]
