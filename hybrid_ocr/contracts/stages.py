"""The table of stages that read pages: what each takes and gives, where that lies, and which model runs it.

Whatever must know which stages there are - keys in S3, bodies, planning, gathering, clients, bundles,
containers, policies, simulators, the pipeline - derives it from here. Opening comes before these stages and
validation after them; neither takes or gives a batch of pages.

The names stand once more in `hybrid_ocr/contracts/messages.py`, as literals for types; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from hybrid_ocr.contracts.messages import (
    Batch,
    CropBatch,
    EndpointStage,
    PageBatch,
    RegionBatch,
    StageName,
    TextBatch,
)

__all__ = [
    "ENDPOINTS",
    "LAST",
    "STAGES",
    "Host",
    "StageSpec",
    "artifact_names",
    "chain",
    "stage_title",
]

Host = Literal["function", "endpoint"]


@dataclass(frozen=True)
class StageSpec:
    """One stage.

    Args:
        name: what messages, keys and settings call it.
        after: the stage whose answer is its request, byte for byte; None for the first, which opens pages.
        answer: the batch it gives.
        output: the name of the object in S3 that holds its answer for a batch.
        host: what runs it in AWS: a Lambda function or a SageMaker endpoint.
        artifact: the model artefact that serves it; None for a stage without weights, which loads no model.
        implementation: its class, as `module:Class`; a name, so that this table imports no stage.
        by_script: there is an artefact for each script beside the whole one, named ARTIFACT-SCRIPT.
        paddleocr: the engine of that name can run it; elsewhere it runs on OpenVINO.
    """

    name: StageName
    after: StageName | None
    answer: type[Batch]
    output: str
    host: Host
    artifact: str | None
    implementation: str
    by_script: bool = False
    paddleocr: bool = False

    @property
    def request(self) -> type[Batch] | None:
        """The batch it takes; None for the first stage, which takes pages as they were opened."""
        return None if self.after is None else STAGES[self.after].answer


STAGES: Final[Mapping[StageName, StageSpec]] = {
    spec.name: spec
    for spec in (
        StageSpec(
            name="rotation",
            after=None,
            answer=PageBatch,
            output="pages.msgpack",
            host="function",
            artifact="textline-orientation",
            implementation="hybrid_ocr.stages.rotation.stage:RotationStage",
        ),
        StageSpec(
            name="region_detection",
            after="rotation",
            answer=RegionBatch,
            output="regions.msgpack",
            host="endpoint",
            artifact="picodet-layout-cdla",
            implementation="hybrid_ocr.stages.region_detection.stage:RegionDetectionStage",
        ),
        StageSpec(
            name="text_detection",
            after="rotation",
            answer=CropBatch,
            output="crops.msgpack",
            host="endpoint",
            artifact="pp-ocrv6-small-det",
            implementation="hybrid_ocr.stages.text_detection.stage:TextDetectionStage",
            paddleocr=True,
        ),
        StageSpec(
            name="ocr",
            after="text_detection",
            answer=TextBatch,
            output="text.msgpack",
            host="endpoint",
            artifact="pp-ocrv6-small-rec",
            implementation="hybrid_ocr.stages.ocr.stage:OcrStage",
            by_script=True,
            paddleocr=True,
        ),
    )
}
"""In the order in which a page passes them."""

ENDPOINTS: Final[tuple[EndpointStage, ...]] = get_args(EndpointStage)
"""The stages behind endpoints, in the order of the table."""

LAST: Final[tuple[StageName, ...]] = tuple(
    name for name in STAGES if all(spec.after != name for spec in STAGES.values())
)
"""The stages that no other comes after: a batch is read when each of them has answered."""


def chain(stage: StageName) -> tuple[StageName, ...]:
    """The stages that a page passes up to this one and with it, the first of them first."""
    after = STAGES[stage].after
    return (*(chain(after) if after else ()), stage)


def artifact_names(script: str | None = None) -> dict[StageName, str]:
    """The model artefact of each stage that has one.

    Args:
        script: the stages that have an artefact for each script have this one's.
    """
    return {
        name: f"{spec.artifact}-{script}" if script and spec.by_script else spec.artifact
        for name, spec in STAGES.items()
        if spec.artifact is not None
    }


def stage_title(name: str) -> str:
    """What people call a stage, or another step that errors and timings name: `text detection`, `OCR`."""
    return "OCR" if name == "ocr" else name.replace("_", " ")
