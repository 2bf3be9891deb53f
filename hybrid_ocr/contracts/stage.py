"""The one shape every stage has, whichever host runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, Self, TypeVar

from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import ModelIdentity

EngineName = Literal["openvino", "onnxruntime-cpu", "onnxruntime-cuda", "paddleocr"]
Precision = Literal["auto", "f32", "bf16", "f16"]

RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True)
class StageContext:
    """What a stage may know about where it runs.

    Args:
        model_dir: the unpacked model artefact (manifest.json, inference.onnx, inference.yml).
        engine: which engine runs the network.
        threads: CPU threads the engine may use; from the cgroup quota unless set.
        precision: `auto` is bfloat16 where the CPU computes it natively, float32 elsewhere.
        cache_dir: where an engine may keep compiled networks between starts, or None.
        warm_up: whether to run the network once when it is loaded, so that the first request meets no
            compilation. A server wants that before it says that it is ready; who reads one page does not.
        options: settings of the stage itself, already validated by its host.
    """

    model_dir: Path
    engine: EngineName = "openvino"
    threads: int = 1
    precision: Precision = "auto"
    cache_dir: Path | None = None
    warm_up: bool = True
    options: dict[str, str] = field(default_factory=dict)


class Stage(Protocol[RequestT_contra, ResponseT]):
    """Loaded once in a process, run many times. Knows no other stage, no host and no cloud."""

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Load the model, and warm it up where the context says so.

        Raises:
            ArtifactError, EngineError, ConfigurationError: it cannot be loaded.
        """
        ...

    @property
    def model(self) -> ModelIdentity | None:
        """The weights that answer, or None for a stage without a network."""
        ...

    def run(self, batch: Sequence[RequestT_contra]) -> list[ResponseT | OcrError]:
        """Answer every request, in order; an error is the answer for that request alone.

        A fault of the engine that will not heal is raised as EngineError instead.
        """
        ...
