"""`python -m hybrid_ocr` is `hybrid-ocr`."""

from hybrid_ocr.cli import main

main()
