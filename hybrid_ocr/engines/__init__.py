"""Networks: arrays in, arrays out. Each engine is imported only where it was asked for."""

from hybrid_ocr.engines.base import Network, NetworkSpec
from hybrid_ocr.engines.load import load_network
from hybrid_ocr.engines.privacy import keep_quiet

__all__ = ["Network", "NetworkSpec", "load_network"]

keep_quiet()  # no engine has been imported yet
