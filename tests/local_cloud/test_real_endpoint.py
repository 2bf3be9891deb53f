"""Region detection as AWS would run it: its artefact from S3, its batch from S3, its answer to S3 and SNS."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError
from hybrid_ocr.contracts.messages import PageBatch, PageImage, PageRegions, RegionBatch
from local_aws.sagemaker.description import Model
from local_aws.server import AwsServer
from local_aws.tests.sagemaker.conftest import Cloud, server, started
from local_cloud.model_data import LocalContainers, stage_of_image

__all__ = ["server"]  # a fixture

NAME = "picodet-layout-cdla"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/hybrid-ocr-region-detection:1"


@pytest.fixture(scope="module")
def url(server: AwsServer) -> str:
    """The ModelDataUrl of the built artefact."""
    archive = artifacts_root() / f"{NAME}.tar.gz"
    if not archive.is_file():
        pytest.skip(f"model artefact {NAME} is not built")
    s3, address = server.client("s3"), load_artifact(artifacts_root() / NAME).identity.sha256
    s3.create_bucket(Bucket="artifacts")
    s3.upload_file(str(archive), "artifacts", f"models/{NAME}/{address}/model.tar.gz")
    return f"s3://artifacts/models/{NAME}/{address}/model.tar.gz"


@pytest.fixture
def cloud(server: AwsServer, tmp_path: Path) -> Iterator[Cloud]:
    with started(server, tmp_path, LocalContainers(server.client("s3"))) as cloud:
        yield cloud


def page() -> PageImage:
    image = Image.new("RGB", (800, 1000), "white")
    draw = ImageDraw.Draw(image)
    for line in range(12):
        draw.text((80, 100 + 40 * line), "a line of plain text on this page " * 2, fill="black", font_size=20)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return PageImage(number=1, width=800, height=1000, encoding="png", data=buffer.getvalue())


def test_a_batch_is_read_both_ways_by_the_same_process(cloud: Cloud, url: str) -> None:
    cloud.create("regions", model="regions", image=IMAGE, url=url, asynchronous=True)
    cloud.create("regions-now", model="regions", image=IMAGE, url=url)
    body = encode(PageBatch(pages=(page(),)))
    told = {"ContentType": MSGPACK, "Accept": MSGPACK}
    answer = cloud.runtime.invoke_endpoint_async(
        EndpointName="regions", InputLocation=cloud.put("in/batch.msgpack", body), InferenceId="job-7", **told
    )
    (message,) = cloud.messages("regions", "success")
    assert message["inferenceId"] == "job-7"
    assert message["responseParameters"]["contentType"] == MSGPACK
    batch = decode(RegionBatch, cloud.get(answer["OutputLocation"]))
    assert isinstance(batch.pages[0], PageRegions)
    assert batch.pages[0].regions
    assert batch.models["region_detection"] == load_artifact(artifacts_root() / NAME).identity

    now = cloud.runtime.invoke_endpoint(EndpointName="regions-now", Body=body, **told)
    (read,) = decode(RegionBatch, now["Body"].read()).pages
    assert isinstance(read, PageRegions)
    assert read.regions == batch.pages[0].regions
    assert cloud.sagemaker.hosts["regions"] == cloud.sagemaker.hosts["regions-now"]


def test_an_artefact_that_is_not_here_is_unpacked_and_verified(
    server: AwsServer, url: str, tmp_path: Path
) -> None:
    containers = LocalContainers(server.client("s3"), tmp_path)
    folder = containers.folder(url)
    assert load_artifact(folder).identity == load_artifact(artifacts_root() / NAME).identity
    assert containers.folder(url) == folder
    assert [entry.name for entry in (tmp_path / ".unpacked").iterdir()] == [folder.name]


def test_one_that_is_here_is_used_as_it_is(server: AwsServer, url: str, tmp_path: Path) -> None:
    shutil.copytree(artifacts_root() / NAME, tmp_path / NAME)
    gone = url.replace("s3://artifacts/", "s3://no-such-bucket/")
    assert LocalContainers(server.client("s3"), tmp_path).folder(gone) == tmp_path / NAME


def test_other_weights_than_the_url_names_are_refused(server: AwsServer, url: str, tmp_path: Path) -> None:
    other = f"models/{NAME}/{'0' * 64}/model.tar.gz"
    source = {"Bucket": "artifacts", "Key": url.removeprefix("s3://artifacts/")}
    server.client("s3").copy_object(Bucket="artifacts", Key=other, CopySource=source)
    with pytest.raises(ArtifactError, match="holds artefact picodet-layout-cdla"):
        LocalContainers(server.client("s3"), tmp_path).folder(f"s3://artifacts/{other}")


def test_a_model_without_the_artefact_that_its_stage_needs_is_refused(tmp_path: Path) -> None:
    model = Model(name="reader", image="hybrid-ocr-ocr:1", model_data_url=None)
    with pytest.raises(ConfigurationError, match="model reader has no ModelDataUrl: ocr needs its artefact"):
        LocalContainers(None, tmp_path)(model)


def test_an_image_says_which_endpoint_it_is() -> None:
    assert stage_of_image(IMAGE) == "region_detection"
    assert stage_of_image("registry/hybrid-ocr-local-text-detection@sha256:0") == "text_detection"
    assert stage_of_image("hybrid-ocr/ocr:gpu") == "ocr"
    for image in ("hybrid-ocr:latest", "somebody/else"):
        with pytest.raises(ConfigurationError, match="of no endpoint"):
            stage_of_image(image)
