"""`python -m infra STAGE ...`: write the templates of stages, of all of them by default."""

from __future__ import annotations

import sys

from hybrid_ocr.contracts.errors import ConfigurationError
from infra.settings import stage_names
from infra.synthesis import synthesise


def main() -> int:
    """Synthesise the stages that are named."""
    for stage in sys.argv[1:] or stage_names():
        try:
            print(synthesise(stage))
        except ConfigurationError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
