"""Networks: arrays in, arrays out. Each engine is imported only where it was asked for."""

from ocr_core.engines.base import Network, NetworkSpec, load_network

__all__ = ["Network", "NetworkSpec", "load_network"]
