"""The container of text detection: page images in, lines and their rectified crops out."""

from endpoints import binding
from hybrid_ocr.hosts.container import main

BINDING = binding("text_detection")

if __name__ == "__main__":
    main(BINDING)
