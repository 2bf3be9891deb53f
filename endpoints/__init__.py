"""The containers of the stages behind endpoints; what each takes and gives is in the table of stages."""

from __future__ import annotations

from functools import partial
from typing import Any

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.messages import EndpointStage, PageAnswer, PageBatch
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.hosts.container import Binding
from hybrid_ocr.hosts.container.raw_image import one_page
from hybrid_ocr.stages import load_stage

__all__ = ["binding"]


def binding(stage: EndpointStage) -> Binding[Any, PageAnswer]:
    """A stage as the container host serves it; one that takes page images also takes an image as it is.

    Raises:
        ConfigurationError: it is the first stage, which takes no batch.
    """
    spec = STAGES[stage]
    if spec.request is None:
        raise ConfigurationError(f"{stage} comes after no stage, so there is no batch to send it")
    return Binding(
        name=stage,
        load=partial(load_stage, stage),
        request=spec.request,
        response=spec.answer,
        pixels=lambda page: page.pixels,
        from_image=one_page if spec.request is PageBatch else None,
    )
