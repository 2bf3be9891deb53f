"""The table of stages that read pages: what each takes and gives, where that lies, and which model runs it.

Whatever must know which stages there are - keys in S3, bodies, planning, gathering, clients, policies,
simulators, the pipeline - derives it from here. Opening comes before these stages and validation after them;
neither takes or gives a batch of pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hybrid_ocr.contracts.messages import Batch, CropBatch, PageBatch, RegionBatch, StageName, TextBatch

__all__ = ["STAGES", "Host", "StageSpec", "stage_title"]

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
        artifact: the model artefact that serves it unless a deployment says otherwise.
        implementation: its class, as `module:Class`; a name, so that this table imports no stage.
    """

    name: StageName
    after: StageName | None
    answer: type[Batch]
    output: str
    host: Host
    artifact: str
    implementation: str

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
        ),
        StageSpec(
            name="ocr",
            after="text_detection",
            answer=TextBatch,
            output="text.msgpack",
            host="endpoint",
            artifact="pp-ocrv6-small-rec",
            implementation="hybrid_ocr.stages.ocr.stage:OcrStage",
        ),
    )
}
"""In the order in which a page passes them."""


def stage_title(name: str) -> str:
    """What people call a stage, or another step that errors and timings name: `text detection`, `OCR`."""
    return "OCR" if name == "ocr" else name.replace("_", " ")
