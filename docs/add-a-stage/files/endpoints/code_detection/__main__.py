"""The container of code detection: page images in, QR codes out."""

from endpoints import binding
from hybrid_ocr.hosts.container import main

BINDING = binding("code_detection")

if __name__ == "__main__":
    main(BINDING)
