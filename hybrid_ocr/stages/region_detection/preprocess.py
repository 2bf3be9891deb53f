"""From a page to the network's input."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hybrid_ocr.contracts.base import Probability
from hybrid_ocr.contracts.errors import ArtifactError

Side = Annotated[int, Field(ge=32, le=4096)]
Stride = Annotated[int, Field(ge=1, le=1024)]
Triple = tuple[float, float, float]


class _Part(BaseModel):
    """A part of inference.yml; it has more keys than are read here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Resize(_Part):
    type: Literal["Resize"]
    target_size: tuple[Side, Side]
    keep_ratio: Literal[False] = False


class _Normalise(_Part):
    type: Literal["NormalizeImage"]
    mean: Triple
    std: Triple
    is_scale: Literal[True] = True


class _Permute(_Part):
    type: Literal["Permute"]


class _Suppression(_Part):
    score_threshold: Probability
    nms_threshold: Probability


class LayoutConfig(_Part):
    """What an inference.yml in PaddleDetection's format says of a PicoDet."""

    steps: tuple[_Resize, _Normalise, _Permute] = Field(alias="Preprocess")
    strides: tuple[Stride, ...] = Field(alias="fpn_stride", min_length=1)
    suppression: _Suppression = Field(alias="NMS")
    classes: tuple[str, ...] = Field(alias="label_list", min_length=1)

    @classmethod
    def parse(cls, config: dict[str, Any]) -> LayoutConfig:
        """Read the configuration of an artefact.

        Raises:
            ArtifactError: it is not one of a PicoDet that this stage can feed.
        """
        try:
            return cls.model_validate(config)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, detail["loc"]))
            raise ArtifactError(f"inference.yml of the layout model: {place}: {detail['msg']}") from None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the network's input."""
        height, width = self.steps[0].target_size
        return width, height

    @property
    def mean(self) -> Triple:
        """Of each channel, on pixel values 0..255; applied to blue, green, red as PaddleOCR does."""
        first, second, third = self.steps[1].mean
        return first * 255, second * 255, third * 255

    @property
    def scale(self) -> Triple:
        """Standard deviation of each channel, on pixel values 0..255."""
        first, second, third = self.steps[1].std
        return first * 255, second * 255, third * 255


def fit(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A page (H, W, 3) as one input (1, height, width, 3), stretched as the network was trained.

    Shrinking averages over areas: thin strokes and rules of a scan would fall between the samples otherwise.
    """
    height, width = image.shape[:2]
    shrinks = width >= size[0] and height >= size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)[None]
