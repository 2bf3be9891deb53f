"""The container of region detection: page images in, labelled regions out."""

from endpoints import binding
from hybrid_ocr.hosts.container import main

BINDING = binding("region_detection")

if __name__ == "__main__":
    main(BINDING)
