"""What ties one stage to this host: which batch it takes, which batch it gives, how large a page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hybrid_ocr.contracts.codec import MediaType, decode, encode
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import Batch, FailedPage, ModelIdentity, StageName
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container.media_types import IMAGE, UNDECLARED, BodyForm, body_form, unrecognised

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True)
class Binding(Generic[RequestT, ResponseT]):
    """One stage as this host serves it.

    Args:
        name: the stage; the key of its model in `Batch.models`.
        load: loads the stage; imports it too, so that the server answers /ping before a heavy import ends.
        request: the batch that comes in; its `pages` hold RequestT or FailedPage.
        response: the batch that goes out; its `pages` hold ResponseT or FailedPage.
        pixels: how many pixels a page brings to the network, for the bound on a batch.
        from_image: the batch of one page that a raw image body stands for, given its bytes; None where the
            stage does not take images. Raises DocumentError.
    """

    name: StageName
    load: Callable[[StageContext], Stage[RequestT, ResponseT]]
    request: type[Batch]
    response: type[Batch]
    pixels: Callable[[RequestT], int]
    from_image: Callable[[bytes], Batch] | None = None

    def form_of(self, content_type: str | None) -> BodyForm:
        """What a Content-Type says about a body; raises RequestError where it is not taken here."""
        return body_form(content_type, takes_images=self.from_image is not None)

    def decode(self, body: bytes, form: BodyForm) -> Work[RequestT]:
        """A body as work to do.

        Raises:
            RequestError: it is not such a batch; undeclared, it is no image.
            DocumentError: the image cannot be read.
        """
        if form != IMAGE and form != UNDECLARED:  # noqa: PLR1714 - narrows the type
            return self.work(decode(self.request, body, form))
        if self.from_image is None:
            raise TypeError(f"{self.name} takes no image, so form_of answers no {form}")
        try:
            return self.work(self.from_image(body))
        except DocumentError as error:
            if form == UNDECLARED and error.code is ErrorCode.UNSUPPORTED_FORMAT:
                raise unrecognised() from None
            raise

    def work(self, batch: Any) -> Work[RequestT]:  # noqa: ANN401 - a Batch with pages; only this class knows both
        """A batch as the pages to run and the pages that failed before."""
        todo = [(place, page) for place, page in enumerate(batch.pages) if not isinstance(page, FailedPage)]
        return Work(
            models=batch.models,
            pages=batch.pages,
            places=[place for place, _ in todo],
            items=[page for _, page in todo],
            sizes=[self.pixels(page) for _, page in todo],
        )

    def encode(
        self,
        work: Work[RequestT],
        answers: Sequence[ResponseT | ErrorInfo],
        model: ModelIdentity | None,
        media_type: MediaType,
    ) -> bytes:
        """Answers in the places of their pages, as a body; an error becomes the FailedPage of its page."""
        pages: list[Any] = list(work.pages)
        for place, answer in zip(work.places, answers, strict=True):
            if isinstance(answer, ErrorInfo):
                pages[place] = FailedPage(number=pages[place].number, stage=self.name, error=answer)
            else:
                pages[place] = answer
        models = {**work.models, self.name: model} if model else work.models
        fields: dict[str, Any] = {"models": models, "pages": tuple(pages)}
        return encode(self.response(**fields), media_type)


@dataclass(frozen=True)
class Work(Generic[RequestT]):
    """A decoded request: `items[i]` is the page at `places[i]` of `pages`, and `sizes[i]` its pixels."""

    models: Mapping[StageName, ModelIdentity]
    pages: Sequence[object]
    places: Sequence[int]
    items: Sequence[RequestT]
    sizes: Sequence[int]
