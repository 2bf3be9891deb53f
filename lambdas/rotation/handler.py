"""Rotation: renders the pages of a batch and turns them upright; or one image, for a real-time caller."""

from __future__ import annotations

import binascii
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ErrorCode, RequestError
from hybrid_ocr.contracts.jobs import BatchTask
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.settings import load_settings
from hybrid_ocr.stages.rotation.stage import RotationStage
from hybrid_ocr.storage.objects import Objects
from lambdas.rotation.documents import DocumentCache
from lambdas.rotation.pages import BatchRotation, UprightPages
from lambdas.rotation.settings import RotationSettings

LARGEST_ANSWER: Final = 6 * 2**20
"""Bytes; Lambda passes on no more, either way (Lambda quotas, invocation payload)."""
ENVELOPE_BYTES: Final = 2_048
"""Bytes of an answer beside its image."""


class ImageRequest(Message):
    """The second way in: one JPEG, PNG, TIFF or WebP image of a page, as base64."""

    image: str = Field(min_length=1, max_length=LARGEST_ANSWER, repr=False)


settings = load_settings(RotationSettings)
host = FunctionHost("rotation")
folder = TemporaryDirectory(prefix="hybrid-ocr-documents-")
opener = DocumentOpener().__enter__()  # its process gets ready while the network loads
work = Objects(settings.work_bucket)
context = StageContext(settings.model_dir, threads=granted_threads(), cache_dir=settings.cache_dir)
pages = UprightPages(opener, RotationStage.load(context))
rotate_batch = BatchRotation(work, DocumentCache(work, Path(folder.name)), pages)


@host.task(BatchTask)
def on_batch(batch: BatchTask) -> None:
    """Write the upright pages of a batch."""
    rotate_batch(batch)


@host.task(ImageRequest)
def on_image(request: ImageRequest) -> PageImage:
    """An upright page, its image as base64."""
    try:
        data = b64decode(request.image, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("the image is not base64") from None
    page = pages.image(data)
    if -(-len(page.data) // 3) * 4 + ENVELOPE_BYTES > LARGEST_ANSWER:
        message = f"the upright page has more than {LARGEST_ANSWER} bytes as base64: send a smaller image"
        raise RequestError(message, code=ErrorCode.BODY_TOO_LARGE)
    return page


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """A batch of the flow, or an image."""
    return (on_image if "image" in event else on_batch)(event, context)
