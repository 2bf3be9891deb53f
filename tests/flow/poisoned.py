"""Text detection that dies of one kind of page: `python -m tests.flow.poisoned serve`, for tests alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any, Final

from endpoints.text_detection.__main__ import BINDING
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import ModelIdentity, PageCrops, PageImage
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container import Binding, main

POISON: Final = 877
"""Pixels. A page of this width kills the process, as one would that eats all memory."""


class Poisoned:
    """The real stage, until the poison comes."""

    def __init__(self, stage: Stage[PageImage, PageCrops]) -> None:
        self._stage = stage

    @classmethod
    def load(cls, context: StageContext) -> Poisoned:
        return cls(BINDING.load(context))

    @property
    def model(self) -> ModelIdentity | None:
        return self._stage.model

    def run(self, batch: Sequence[PageImage]) -> list[PageCrops | OcrError]:
        if any(page.width == POISON for page in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return self._stage.run(batch)


if __name__ == "__main__":
    fields: dict[str, Any] = {**vars(BINDING), "load": Poisoned.load}
    main(Binding(**fields))
