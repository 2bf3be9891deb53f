"""The host of a model container: the routes SageMaker calls, dynamic batching, health and draining."""

from hybrid_ocr.hosts.container.binding import Binding
from hybrid_ocr.hosts.container.server import main

__all__ = ["Binding", "main"]
