"""The container of OCR: line crops in, text out."""

from endpoints import binding
from hybrid_ocr.hosts.container import main

BINDING = binding("ocr")

if __name__ == "__main__":
    main(BINDING)
