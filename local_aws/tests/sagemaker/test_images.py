"""Images as data: a module of this machine over the model data that S3 has."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import ConfigurationError, StartError
from local_aws.sagemaker.images import Image, container_of
from local_aws.server import AwsServer
from local_aws.tests.sagemaker.conftest import ROLE, ROOT, Cloud, started

IMAGES = {
    "fake:1": Image(
        command=["python", "-m", "local_aws.tests.sagemaker.fake_container", "serve"],
        folder=ROOT,
        environment={"OWN": "image", "BOTH": "image"},
    )
}


@pytest.fixture(scope="module")
def url(server: AwsServer) -> str:
    """A model.tar.gz with one file in a folder."""
    entry = tarfile.TarInfo("weights/one.bin")
    entry.size = 7
    server.client("s3").put_object(Bucket="work", Key="model.tar.gz", Body=packed(entry, b"weights"))
    return "s3://work/model.tar.gz"


def packed(entry: tarfile.TarInfo, content: bytes = b"") -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as members:
        members.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture
def cloud(server: AwsServer, tmp_path: Path) -> Iterator[Cloud]:
    with started(server, tmp_path, lambda model: container_of(IMAGES, model, server.client("s3"))) as cloud:
        yield cloud


def test_a_model_runs_with_its_data_and_its_variables(cloud: Cloud, url: str) -> None:
    cloud.create("packed", model="packed", image="fake:1", url=url, environment={"BOTH": "model"})
    body = b'{"show": ["OWN", "BOTH", "MODEL_DIR"]}'
    answer = cloud.runtime.invoke_endpoint(EndpointName="packed", Body=body)["Body"].read().decode()
    own, both, folder = answer.split("\n")
    assert (own, both) == ("image", "model")
    assert Path(folder, "weights", "one.bin").read_bytes() == b"weights"
    assert [path.name for path in Path(folder).iterdir()] == ["weights"]


def test_a_model_tar_gz_is_found_by_its_source(cloud: Cloud, url: str) -> None:
    source = {"S3Uri": url, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    create = cloud.client("sagemaker").create_model
    told: dict[str, Any] = {"ModelName": "sourced", "ExecutionRoleArn": ROLE}
    container = {"Image": "fake:1", "ModelDataSource": {"S3DataSource": source}}
    create(PrimaryContainer=container, **told)
    cloud.create("sourced", model="sourced")
    answer = cloud.runtime.invoke_endpoint(EndpointName="sourced", Body=b'{"show": ["MODEL_DIR"]}')
    assert Path(answer["Body"].read().decode(), "weights", "one.bin").read_bytes() == b"weights"


def test_a_folder_of_s3_is_refused_as_model_data(cloud: Cloud) -> None:
    source = {"S3Uri": "s3://work/loose/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": "fake:1", "ModelDataSource": {"S3DataSource": source}}
    with pytest.raises(ClientError, match="S3Prefix"):
        cloud.client("sagemaker").create_model(
            ModelName="loose", ExecutionRoleArn=ROLE, PrimaryContainer=container
        )


@pytest.mark.parametrize(
    ("image", "url", "why"),
    [
        ("unknown:1", "s3://work/model.tar.gz", "nothing to run as unknown:1"),
        ("fake:1", "s3://work/no-such.tar.gz", "404"),
        ("fake:1", "s3://work/no-archive", r"s3://work/no-archive is no model\.tar\.gz"),
        ("fake:1", "s3://work/climbing", r"s3://work/climbing has a member that is not unpacked: '\.\./x'"),
        ("fake:1", "s3://work/linked", r"s3://work/linked has a member that is not unpacked: 'link'"),
    ],
)
def test_an_endpoint_fails_with_the_reason(cloud: Cloud, image: str, url: str, why: str) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    bodies = {
        "no-archive": b"no archive",
        "climbing": packed(tarfile.TarInfo("../x")),
        "linked": packed(link),
    }
    for key, body in bodies.items():
        cloud.client("s3").put_object(Bucket="work", Key=key, Body=body)
    create = partial(cloud.create, "failing", model="failing", image=image, url=url)
    with pytest.raises((ConfigurationError, StartError), match=why):
        create()
    told: dict[str, Any] = cloud.client("sagemaker").describe_endpoint(EndpointName="failing")
    assert told["EndpointStatus"] == "Failed"
    cloud.client("sagemaker").delete_endpoint(EndpointName="failing")
    cloud.client("sagemaker").delete_endpoint_config(EndpointConfigName="failing-config")
    cloud.client("sagemaker").delete_model(ModelName="failing")
