"""What an image of the endpoints runs: the container that the variable HYBRID_OCR_ENDPOINT names."""

from __future__ import annotations

import os
import runpy
import sys

from hybrid_ocr.contracts.stages import ENDPOINTS

if __name__ == "__main__":
    name = os.environ.get("HYBRID_OCR_ENDPOINT", "")
    if name not in ENDPOINTS:
        sys.exit(f"HYBRID_OCR_ENDPOINT is {name!r}: it names one of {', '.join(ENDPOINTS)}")
    runpy.run_module(f"endpoints.{name}", run_name="__main__", alter_sys=True)
