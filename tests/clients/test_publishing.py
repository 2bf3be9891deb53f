"""From a folder of built artefacts to a deployment that reads with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.errors import ArtifactError, CapacityError, ConfigurationError, RequestError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.keys import ACTIVE_BUNDLES, artifact_key
from hybrid_ocr.contracts.messages import StageName
from hybrid_ocr.contracts.stages import STAGES, artifact_names
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from model_artifacts.publishing import ModelPublisher
from tests.artifacts import tiny
from tests.clients.deployment import Deployment

NAMES: dict[StageName, str] = dict.fromkeys(artifact_names(), "tiny-rec")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/endpoint:1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny.built(tmp_path).parent


@pytest.fixture
def publisher(connection: Connection, root: Path) -> ModelPublisher:
    return ModelPublisher(connection, root, tiny.catalogue())


@pytest.fixture
def bucket(connection: Connection) -> Iterator[Objects]:
    """The artefacts bucket, empty before and after."""
    objects = Objects(connection.names.bucket("artifacts"), connection.client("s3"))
    yield objects
    for key in list(objects.keys("")):
        objects.client.delete_object(Bucket=objects.bucket, Key=key)


@pytest.fixture
def endpoints(connection: Connection, publisher: ModelPublisher, bucket: Objects) -> Iterator[Any]:
    """Creates the endpoints of a deployment, serving the artefact or what is named instead."""
    sagemaker = connection.client("sagemaker")
    made = []

    def create(mode: EndpointMode, url: str | None = None) -> None:
        url = url or bucket.uri(artifact_key(publisher.identity("tiny-rec")))
        for stage in get_args(EndpointStage):
            name = connection.names.endpoint(stage, mode)
            data = {"ModelDataUrl": url} if STAGES[stage].artifact else {}
            sagemaker.create_model(
                ModelName=name,
                ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
                PrimaryContainer={"Image": IMAGE, **data},
            )
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
            sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
            sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
            made.append(name)

    yield create
    for name in made:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        sagemaker.delete_model(ModelName=name)


def test_an_artefact_lies_under_a_key_that_names_what_it_holds(
    publisher: ModelPublisher, bucket: Objects, root: Path
) -> None:
    [published] = publisher.publish(["tiny-rec"])
    sha256 = published.model.sha256
    assert published.fresh
    assert published.uri == bucket.uri(f"models/tiny-rec/1.0.0/{sha256}/model.tar.gz")
    assert bucket.get(artifact_key(published.model)) == (root / "tiny-rec.tar.gz").read_bytes()


def test_the_same_bytes_are_already_there(publisher: ModelPublisher, bucket: Objects) -> None:
    assert [published.fresh for published in publisher.publish(["tiny-rec", "tiny-rec"])] == [True, False]


def test_nothing_is_overwritten(publisher: ModelPublisher, bucket: Objects) -> None:
    key = artifact_key(publisher.identity("tiny-rec"))
    bucket.put(key, b"something else", "application/gzip")
    with pytest.raises(ArtifactError, match="nothing was overwritten"):
        list(publisher.publish(["tiny-rec"]))
    assert bucket.get(key) == b"something else"


def test_what_is_damaged_missing_or_not_pinned_is_not_uploaded(
    connection: Connection, publisher: ModelPublisher, root: Path, bucket: Objects
) -> None:
    with pytest.raises(ArtifactError, match="artifacts build no-such"):
        list(publisher.publish(["no-such"]))
    locked = ModelPublisher(connection, root, tiny.catalogue(lock={"tiny-rec": "0" * 64}))
    with pytest.raises(ArtifactError, match="the lock says"):
        list(locked.publish(["tiny-rec"]))
    archive = root / "tiny-rec.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match=r"tiny-rec\.tar\.gz"):
        list(publisher.publish(["tiny-rec"]))
    assert not list(bucket.keys(""))


@pytest.mark.parametrize("modes", [["async"], ["realtime"], ["realtime", "async"]])
def test_a_bundle_of_what_the_endpoints_serve_becomes_active(
    publisher: ModelPublisher, endpoints: Any, bucket: Objects, modes: list[EndpointMode]
) -> None:
    for mode in modes:
        endpoints(mode)
    bundle = publisher.bundle(NAMES)
    publisher.activate(bundle, "default")
    publisher.activate(bundle, "latin")

    known = Bundles(bucket)
    assert known.active() == known.active("latin") == bundle.id
    assert known.get(bundle.id) == bundle
    assert {ref.mode for ref in bundle.endpoints.values()} == {"async" if "async" in modes else "realtime"}


def test_no_bundle_before_its_endpoints(publisher: ModelPublisher) -> None:
    with pytest.raises(ConfigurationError, match="deploy them first"):
        publisher.bundle(NAMES)


def test_no_bundle_of_endpoints_that_serve_something_else(publisher: ModelPublisher, endpoints: Any) -> None:
    endpoints("async", "s3://bucket/other/model.tar.gz")
    with pytest.raises(ArtifactError, match="serves s3://bucket/other"):
        publisher.bundle(NAMES)


def test_what_is_active_for_other_scripts_stays(
    publisher: ModelPublisher, endpoints: Any, bucket: Objects
) -> None:
    endpoints("async")
    bundle = publisher.bundle(NAMES)
    publisher.activate(bundle, "latin")
    known = Bundles(bucket)
    assert known.active() == bundle.id, "while there is no default, the first becomes it"
    known.activate({"default": "f" * 16})
    assert (known.active(), known.active("latin")) == ("f" * 16, bundle.id)
    with pytest.raises(RequestError):
        known.active("greek")


def test_two_who_activate_at_once_do_not_lose_each_others_change(
    bucket: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Bundles(bucket)
    known.activate({"default": "0" * 16})
    read = bucket.get

    def read_and_be_overtaken(key: str) -> bytes:
        monkeypatch.undo()
        found = read(key)
        Bundles(bucket).activate({"greek": "1" * 16})
        return found

    monkeypatch.setattr(bucket, "get", read_and_be_overtaken)
    with pytest.raises(CapacityError, match="activate again"):
        known.activate({"latin": "2" * 16})
    assert known.active("greek") == "1" * 16


def test_a_damaged_list_is_told_and_stays(bucket: Objects) -> None:
    bucket.put(ACTIVE_BUNDLES, b"[]", "application/json")
    with pytest.raises(ArtifactError, match="damaged"):
        Bundles(bucket).activate({"default": "0" * 16})
    assert bucket.get(ACTIVE_BUNDLES) == b"[]"


class TestCommands:
    def run(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["artifacts", *arguments])
        return done.exit_code, " ".join(done.output.split())

    def test_a_bundle_takes_an_artefact_of_every_stage(self, local: Deployment) -> None:
        code, said = self.run("publish", "pp-ocrv6-small-det", "--activate")
        assert code == 2
        assert "name none" in said

    def test_what_is_not_built_says_how_to_build_it(self, local: Deployment, tmp_path: Path) -> None:
        code, said = self.run("publish", "--root", str(tmp_path))
        assert code == 3
        assert "hybrid-ocr artifacts build picodet-layout-cdla" in said

    def test_a_name_that_there_is_not(self, local: Deployment) -> None:
        code, said = self.run("publish", "pp-ocrv9")
        assert code == 3
        assert "no artefact 'pp-ocrv9'; there are " in said

    def test_registering_without_the_sdk_says_which_extra_has_it(
        self, local: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "sagemaker", None)
        code, said = self.run("register", "pp-ocrv6-small-det", "--image", IMAGE)
        assert code == 3
        assert "pip install 'hybrid-ocr[registry]'" in said


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two names of the SDK that are used, over the same calls of the API."""

    class Session:
        def __init__(self, boto_session: Any, *, sagemaker_client: Any) -> None:
            assert boto_session.region_name
            self.sagemaker_client = sagemaker_client

    def create(session: Session, **told: Any) -> Any:
        group = told["model_package_group_name"]
        known = session.sagemaker_client.list_model_package_groups(NameContains=group)
        if not known["ModelPackageGroupSummaryList"]:
            session.sagemaker_client.create_model_package_group(ModelPackageGroupName=group)
        return session.sagemaker_client.create_model_package(
            ModelPackageGroupName=group,
            ModelPackageDescription=told["description"],
            ModelApprovalStatus=told["approval_status"],
            CustomerMetadataProperties=told["customer_metadata_properties"],
            InferenceSpecification={
                "Containers": told["containers"],
                "SupportedContentTypes": told["content_types"],
                "SupportedResponseMIMETypes": told["response_types"],
            },
        )

    core, registry, helper = (ModuleType(name) for name in ("core", "model_registry", "session_helper"))
    registry.create_model_package_from_containers = create  # type: ignore[attr-defined]
    helper.Session = Session  # type: ignore[attr-defined]
    core.model_registry = registry  # type: ignore[attr-defined]
    modules = {
        "sagemaker": ModuleType("sagemaker"),
        "sagemaker.core": core,
        "sagemaker.core.model_registry": registry,
        "sagemaker.core.helper": ModuleType("helper"),
        "sagemaker.core.helper.session_helper": helper,
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def test_an_artefact_is_registered_once_with_the_image_of_its_endpoint(
    connection: Connection, publisher: ModelPublisher, endpoints: Any, bucket: Objects, sdk: None
) -> None:
    from model_artifacts.registry import Registry

    endpoints("async")
    [published] = publisher.publish(["tiny-rec"])
    image = publisher.image("ocr")
    assert image == IMAGE
    registry = Registry(connection)
    first, second = (
        registry.register(published.model, artifact_uri=published.uri, image=image) for _ in range(2)
    )
    assert (first.fresh, second.fresh) == (True, False)
    assert first.arn == second.arn

    version = connection.client("sagemaker").describe_model_package(ModelPackageName=first.arn)
    assert version["ModelPackageGroupName"] == "hybrid-ocr-local-tiny-rec"
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["CustomerMetadataProperties"]["sha256"] == published.model.sha256
    [container] = version["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == published.uri


def test_a_stage_without_an_endpoint_has_no_image(publisher: ModelPublisher) -> None:
    assert publisher.image("rotation") is None
    assert publisher.image("ocr") is None
