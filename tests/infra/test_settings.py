"""Bad input is refused at synthesis, with the file, the key and what would be right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import infra
from autoscaling import load_policies
from hybrid_ocr.contracts.errors import ConfigurationError
from infra.instances import is_arm
from infra.models import pinned
from infra.settings import load_settings
from infra.synthesis import ROOT, synthesise
from topology import load_topology

DOCKERFILE = ROOT / "endpoints" / "Dockerfile"
POLICIES = ROOT / "autoscaling" / "policies.toml"
ASYNC_WAKE = "wake = { periods = 2, add_instances = 1, cooldown_seconds = 300, on_documents = true }\n"


EXISTING = 'kind = "existing"\nvpc_id = "{vpc}"\nsubnet_ids = ["subnet-0aa4f0b8", "subnet-0bb5a1c9"]'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the settings, to change."""
    source = Path(infra.__file__).parent
    shutil.copytree(source / "stages", tmp_path / "stages")
    for name in ("profiles.toml", "instances.toml"):
        shutil.copy(source / name, tmp_path / name)
    return tmp_path


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def _refusal(folder: Path, *, dockerfile: Path = DOCKERFILE) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings("prod", folder=folder, dockerfile=dockerfile)
    return str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "# [endpoints.ocr]\n# instance_type",
            '[endpoints.ocr]\ninstance_type = "ml.g9.huge"  # was',
            ("prod.toml: endpoints.ocr.instance_type: 'ml.g9.huge' is unknown", "ml.g5.xlarge"),
        ),
        ('profile = "both"', 'profile = "all"', ("prod.toml: profile: 'all' is unknown", "realtime-warm")),
        (
            "log_retention_days = 365",
            "log_retention_days = 8",
            ("prod.toml: log_retention_days", "7, 14"),
        ),
        ("keep_data = true", "keep_date = true", ("prod.toml", "no key keep_date", "keep_data?")),
        ('kind = "own"', EXISTING.format(vpc="net-0f1e2d3c"), ("prod.toml: network.vpc_id", "pattern")),
        (
            'kind = "own"',
            EXISTING.format(vpc="vpc-0f1e2d3c").replace(', "subnet-0bb5a1c9"', ""),
            ("prod.toml: network.subnet_ids", "at least 2 items"),
        ),
        (
            'kind = "own"',
            EXISTING.format(vpc="vpc-0123456789abcdef0"),
            ("prod.toml: network.vpc_id", "vpc-0123456789abcdef0 is a placeholder", "of your account"),
        ),
        (
            'kind = "own"',
            EXISTING.format(vpc="vpc-0f1e2d3c").replace("subnet-0bb5a1c9", "subnet-11111111"),
            ("prod.toml: network.subnet_ids.1", "subnet-11111111 is a placeholder"),
        ),
        ('kind = "own"', 'kind = "existing"', ("prod.toml: network", "vpc_id is missing")),
        (
            'kind = "own"',
            'kind = "none"\nvpc_id = "vpc-0f1e2d3c"',
            ("prod.toml: network", 'vpc_id is for kind = "existing" alone'),
        ),
        ('kind = "own"', 'kind = "other"', ("prod.toml: network.kind", "'none', 'own' or 'existing'")),
        (
            'inference_ami = "al2023',
            '# inference_ami = "al2023',
            ("prod.toml: inference_ami: is missing", "GPU"),
        ),
        (
            "# [endpoints.ocr]\n# instance_type",
            '[endpoints.ocr]\ninstance_type = "ml.c7g.xlarge"  # was',
            ("prod.toml: endpoints.ocr.instance_type: ml.c7g.xlarge has Arm processors", "ml.c7i.xlarge"),
        ),
        (
            "# [endpoints.ocr]",
            "[endpoints.reading]",
            ("prod.toml", "no key reading in the table [endpoints]", "ocr"),
        ),
        ("[network]", "[network", ("prod.toml", "cannot read")),
    ],
)
def test_a_stage_with_a_wrong_value(folder: Path, old: str, new: str, told: tuple[str, ...]) -> None:
    _change(folder / "stages" / "prod.toml", old, new)

    refusal = _refusal(folder)

    assert all(part in refusal for part in told), refusal


def test_a_deployment_may_run_an_endpoint_on_another_instance_type_than_the_topology_says(
    folder: Path,
) -> None:
    path = folder / "stages" / "prod.toml"
    _change(path, "# [endpoints.ocr]\n# instance_type", "[endpoints.ocr]\ninstance_type")

    settings = load_settings("prod", folder=folder, dockerfile=DOCKERFILE)

    assert settings.instance_type("ocr") == "ml.g6.xlarge" != load_topology().endpoints["ocr"].instance_type
    usual = load_topology().endpoints["text_detection"].instance_type
    assert settings.instance_type("text_detection") == usual


def test_a_stage_in_a_network_that_is_there(folder: Path) -> None:
    _change(folder / "stages" / "prod.toml", 'kind = "own"', EXISTING.format(vpc="vpc-0f1e2d3c"))

    network = load_settings("prod", folder=folder, dockerfile=DOCKERFILE).stage.network

    assert (network.vpc_id, network.subnet_ids) == ("vpc-0f1e2d3c", ("subnet-0aa4f0b8", "subnet-0bb5a1c9"))


def test_a_setting_of_gpus_where_there_is_none(folder: Path) -> None:
    path = folder / "stages" / "dev-cpu.toml"
    path.write_text('inference_ami = "al2023-ami-sagemaker-inference-gpu-4-1"\n' + path.read_text("utf-8"))

    with pytest.raises(ConfigurationError) as refused:
        load_settings("dev-cpu", folder=folder, dockerfile=DOCKERFILE)

    assert "dev-cpu.toml: inference_ami: picks the driver of a GPU" in str(refused.value)
    assert "delete it" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        *((name, True) for name in ("ml.c7g.xlarge", "ml.m6gd.2xlarge", "ml.c6gn.xlarge", "ml.g5g.xlarge")),
        *((name, False) for name in ("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.g6e.xlarge", "ml.c7i.xlarge")),
    ],
)
def test_arm_is_known_by_the_name_of_a_type(name: str, arm: bool) -> None:
    assert is_arm(name) == arm


def test_a_driver_older_than_the_images_cuda(folder: Path) -> None:
    new, old = "al2023-ami-sagemaker-inference-gpu-4-1", "al2-ami-sagemaker-inference-gpu-3-1"
    _change(folder / "stages" / "prod.toml", new, old)

    refusal = _refusal(folder)

    assert f"prod.toml: inference_ami: {old} runs CUDA 12.4 at most" in refusal
    assert f"has 13.0: use {new}" in refusal


def test_an_image_newer_than_every_driver(folder: Path, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM nvidia/cuda:14.1.0-runtime AS gpu\n")

    assert "has 14.1: use an older image" in _refusal(folder, dockerfile=dockerfile)


def test_a_stage_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"no stage 'test'.*dev, dev-cpu, prod"):
        synthesise("test")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_instances = 4", "max_instances = 0", ("region_detection.async.max_instances", "greater than")),
        (
            "min_instances = 1\nmax_instances = 4",
            "min_instances = 5\nmax_instances = 4",
            ("region_detection.realtime", "min_instances 5 is above max_instances 4"),
        ),
        (
            "ApproximateBacklogSizePerInstance",
            "InvocationsPerInstance",
            ("region_detection.async.tracking.metric", "use ApproximateBacklogSizePerInstance"),
        ),
        (
            'metric = "ConcurrentRequestsPerModel"',
            'metric = "ApproximateBacklogSizePerInstance"',
            ("region_detection.realtime.tracking.metric", "use ConcurrentRequestsPerModel or"),
        ),
        (ASYNC_WAKE, "", ("region_detection.async.wake", "cannot wake", "add it")),
        (
            "min_instances = 1",
            "min_instances = 0",
            ("region_detection.realtime.min_instances", "at least 1 instance"),
        ),
        ("target = 3,", "target = 0,", ("region_detection.async.tracking.target", "greater than 0")),
        (
            ASYNC_WAKE,
            ASYNC_WAKE
            + 'schedules = [{ name = "night", when = "22:00", min_instances = 0, max_instances = 1 }]\n',
            ("region_detection.async.schedules.0.when", "pattern"),
        ),
    ],
)
def test_a_policy_that_cannot_work(tmp_path: Path, old: str, new: str, told: tuple[str, ...]) -> None:
    path = tmp_path / "policies.toml"
    shutil.copy(POLICIES, path)
    # Comments of the file mention metrics, too.
    text = path.read_text("utf-8")
    start = text.index("[region_detection.async]")
    assert old in text[start:]
    path.write_text(text[start:].replace(old, new, 1), "utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load_policies(path)

    assert all(part in str(refused.value) for part in ("policies.toml", *told)), refused.value


def test_a_policy_that_the_profile_lacks(folder: Path, tmp_path: Path) -> None:
    tables = POLICIES.read_text("utf-8").split("\n\n")
    path = tmp_path / "policies.toml"
    path.write_text("\n\n".join(t for t in tables if not t.startswith("[ocr.realtime]")), "utf-8")

    with pytest.raises(ConfigurationError, match=r"policies.toml: ocr.realtime: is missing.*profile both"):
        load_settings("prod", folder=folder, policies=path, dockerfile=DOCKERFILE)


def test_an_artifact_whose_sha256_is_unknown(tmp_path: Path) -> None:
    folder = ROOT / "hybrid_ocr" / "artifacts" / "building"
    shutil.copy(folder / "catalogue.toml", tmp_path)
    lock = (folder / "lock.toml").read_text("utf-8")
    kept = [line for line in lock.splitlines() if not line.startswith("pp-ocrv6-small-rec ")]
    (tmp_path / "lock.toml").write_text("\n".join(kept))

    with pytest.raises(
        ConfigurationError, match=r"lock.toml: pp-ocrv6-small-rec: its sha256 is unknown: run"
    ):
        pinned("pp-ocrv6-small-rec", tmp_path / "catalogue.toml")
