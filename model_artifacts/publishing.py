"""Puts model artefacts where a deployment finds them, and says which of them read new documents.

An artefact lies under a key that names its sha256, so nothing there ever changes: the same bytes twice are
one object, and other bytes are refused. A bundle becomes active only when its endpoints serve its models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from botocore.exceptions import ClientError

from hybrid_ocr.artifacts.building.catalogue import Catalogue
from hybrid_ocr.artifacts.building.verify import verify
from hybrid_ocr.clients import Connection
from hybrid_ocr.clients.errors import one_line
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.jobs import Bundle, EndpointMode, EndpointRef, EndpointStage
from hybrid_ocr.contracts.keys import artifact_key
from hybrid_ocr.contracts.messages import ModelIdentity, StageName
from hybrid_ocr.contracts.stages import ENDPOINTS
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["ARCHIVE", "ModelPublisher", "Published"]

ARCHIVE: Final = "application/gzip"


@dataclass(frozen=True)
class Published:
    """An artefact in the bucket; `fresh` is False where it was there already."""

    model: ModelIdentity
    uri: str
    fresh: bool


class ModelPublisher:
    """Publishes to one deployment.

    Args:
        connection: to it.
        root: the folder that artefacts were built in.
        catalogue: whose lock says what an artefact must be.
    """

    def __init__(self, connection: Connection, root: Path, catalogue: Catalogue) -> None:
        self._connection, self._root, self._catalogue = connection, root, catalogue
        self._objects = Objects(connection.names.bucket("artifacts"), connection.client("s3"))

    def identity(self, name: str) -> ModelIdentity:
        """Of an artefact that was built, after every byte of it was checked.

        Raises:
            ArtifactError: it is not built, is damaged, or is not the one that the lock pins.
        """
        archive = self._archive(name)
        if not archive.is_file():
            raise ArtifactError(
                f"{name} is not built in {self._root}: run `hybrid-ocr artifacts build {name}`",
                code=ErrorCode.ARTIFACT_NOT_FOUND,
            )
        model = verify(archive)
        pinned = self._catalogue.lock.get(name, model.sha256)
        if (model.name, model.sha256) != (name, pinned):
            raise ArtifactError(f"{archive} holds {model.name} {model.sha256}, the lock says {name} {pinned}")
        return model

    def publish(self, names: Iterable[str]) -> Iterator[Published]:
        """Upload artefacts, one after another.

        Raises:
            ArtifactError: as `identity` does; or something else lies under the key, which stays as it is.
        """
        for name in names:
            model = self.identity(name)
            key, body = artifact_key(model), self._archive(name).read_bytes()
            with self._connection.translated():
                fresh = self._objects.put_first(key, body, ARCHIVE)
                if not fresh and self._objects.get(key) != body:
                    raise ArtifactError(
                        f"{self._objects.uri(key)} holds other bytes: nothing was overwritten"
                    )
            yield Published(model, self._objects.uri(key), fresh)

    def bundle(self, names: dict[StageName, str]) -> Bundle:
        """The bundle of these artefacts and of the endpoints that serve them: asynchronous if there are any.

        Raises:
            ArtifactError: an artefact is not built or not right, or an endpoint serves another one.
            ConfigurationError: there are no endpoints.
            EngineError: an endpoint is not in service.
        """
        models = {stage: self.identity(name) for stage, name in names.items()}
        with self._connection.translated():
            mode = self._mode(ENDPOINTS)
            endpoints: dict[EndpointStage, EndpointRef] = {
                stage: EndpointRef(name=self._endpoint(stage, mode), mode=mode) for stage in ENDPOINTS
            }
            for stage, endpoint in endpoints.items():
                self._check_served(endpoint.name, models.get(stage))
        return Bundle.of(models, endpoints)

    def activate(self, bundle: Bundle, script: str) -> None:
        """Read new documents of a script, or `default`, with this bundle. Raises as Bundles.activate does."""
        bundles = Bundles(self._objects)
        with self._connection.translated():
            bundles.put(bundle)
            bundles.activate({script: bundle.id})

    def image(self, stage: StageName) -> str | None:
        """The image of the container that serves a stage; None where no endpoint does."""
        if stage not in ENDPOINTS:
            return None
        with self._connection.translated():
            for mode in get_args(EndpointMode):
                if endpoint := self._describe(self._connection.names.endpoint(stage, mode)):
                    [image, *_] = (served["Image"] for served in self._served(endpoint))
                    return str(image)
        return None

    def _archive(self, name: str) -> Path:
        return self._root / f"{name}.tar.gz"

    def _endpoint(self, stage: EndpointStage, mode: EndpointMode) -> str:
        return self._connection.names.endpoint(stage, mode)

    def _mode(self, stages: Iterable[EndpointStage]) -> EndpointMode:
        modes: tuple[EndpointMode, ...] = get_args(EndpointMode)
        for mode in modes:
            if all(self._describe(self._endpoint(stage, mode)) for stage in stages):
                return mode
        raise ConfigurationError(
            f"{self._connection.where} has no endpoint for each stage: deploy them first, then activate"
        )

    def _describe(self, endpoint: str) -> Any:  # noqa: ANN401 - a TypedDict of the stubs
        """DescribeEndpoint's answer; None where there is no such endpoint."""
        try:
            return self._sagemaker.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                return None
            raise

    def _check_served(self, endpoint: str, model: ModelIdentity | None) -> None:
        description = self._describe(endpoint)
        if description["EndpointStatus"] != "InService":
            reason = one_line(str(description.get("FailureReason") or ""))
            raise EngineError(
                f"endpoint {endpoint} is {description['EndpointStatus']} {reason}".rstrip(),
                code=ErrorCode.NOT_READY,
            )
        expected = self._objects.uri(artifact_key(model)) if model else None
        for served in self._served(description):
            if served.get("ModelDataUrl") != expected:
                raise ArtifactError(
                    f"endpoint {endpoint} serves {served.get('ModelDataUrl') or 'no artefact'}, "
                    f"not {expected or 'one without'}: deploy first"
                )

    def _served(self, endpoint: Any) -> Iterator[Any]:  # noqa: ANN401 - TypedDicts of the stubs
        """The container of each variant of an endpoint, by DescribeEndpoint's answer."""
        name = endpoint["EndpointConfigName"]
        for variant in self._sagemaker.describe_endpoint_config(EndpointConfigName=name)[
            "ProductionVariants"
        ]:
            yield self._sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]

    @cached_property
    def _sagemaker(self) -> SageMakerClient:
        client: SageMakerClient = self._connection.client("sagemaker")
        return client
