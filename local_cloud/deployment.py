"""Puts a bundle on the local cloud: artefacts into S3, endpoints by stage and mode, the bundle itself.

In AWS the same calls would do; only the image and the role name nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.jobs import Bundle, EndpointMode, EndpointRef, EndpointStage
from hybrid_ocr.contracts.keys import DEFAULT_BUNDLE, JOBS, artifact_key
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.stages import ENDPOINTS
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from local_cloud.models import LocalModels
from topology import Topology

if TYPE_CHECKING:
    from autoscaling.policies import Policy

_IMAGE: Final = "hybrid-ocr-{stage}:local"
_INSTANCE_TYPE: Final = "ml.g5.xlarge"


@dataclass(frozen=True)
class Deployment:
    """Deploys bundles of this machine's artefacts.

    Args:
        client: gives boto3 clients of the local cloud.
        names: of the deployment.
        topology: what the component consists of.
        modes: which kinds of endpoint each stage gets; the flow uses the first.
        instances: how many an endpoint begins with, by stage; one unless given.
    """

    client: Callable[[str], Any]
    names: Names
    topology: Topology
    modes: Sequence[EndpointMode] = ("async", "realtime")
    instances: Mapping[EndpointStage, int] = field(default_factory=dict)

    def scaled_by(self, policies: Mapping[EndpointStage, Policy]) -> Deployment:
        """The same with asynchronous endpoints alone that begin as their policies say; itself without any."""
        if not policies:
            return self
        begin = {stage: policy.min_instances for stage, policy in policies.items()}
        return replace(self, modes=("async",), instances=begin)

    def publish(self, models: LocalModels) -> None:
        """Put the artefacts of a bundle into the artefacts bucket."""
        bucket, s3 = self.names.bucket("artifacts"), self.client("s3")
        for stage, identity in models.identities.items():
            archive = artifacts_root() / f"{models.folders[stage].name}.tar.gz"
            with archive.open("rb") as body:
                s3.put_object(Bucket=bucket, Key=artifact_key(identity), Body=body)

    def create_endpoints(self, models: LocalModels, label: str = "") -> None:
        """Create an endpoint for each stage and mode; they get ready meanwhile.

        Args:
            models: what they serve.
            label: keeps their names apart from those of other bundles.
        """
        stages = ENDPOINTS
        with ThreadPoolExecutor(len(stages)) as pool:
            for made in [pool.submit(self._create_stage, stage, models, label) for stage in stages]:
                made.result()

    def announce(self, models: LocalModels, label: str = "") -> Bundle:
        """Write down which models and endpoints belong together."""
        mode = self.modes[0]
        endpoints: dict[EndpointStage, EndpointRef] = {
            stage: EndpointRef(name=self.names.endpoint(stage, mode, label), mode=mode) for stage in ENDPOINTS
        }
        bundle = Bundle.of(dict(models.identities), endpoints)
        self._bundles.put(bundle)
        return bundle

    def activate(self, bundles: Mapping[str, Bundle]) -> None:
        """Let new documents use these bundles: one for each script, and one under `default`."""
        self._bundles.activate({script: bundle.id for script, bundle in bundles.items()})

    @property
    def _bundles(self) -> Bundles:
        return Bundles(Objects(self.names.bucket("artifacts"), self.client("s3")))

    def _create_stage(self, stage: EndpointStage, models: LocalModels, label: str) -> None:
        """A model, and an endpoint of it in each mode."""
        model, artifact = self.names.model(stage, label), models.identities.get(stage)
        bucket = self.names.bucket("artifacts")
        self.client("sagemaker").create_model(
            ModelName=model,
            ExecutionRoleArn=f"arn:{self.names.partition}:iam::{self.names.account}:role/{model}",
            EnableNetworkIsolation=True,
            PrimaryContainer={
                "Image": _IMAGE.format(stage=stage.replace("_", "-")),
                **({"ModelDataUrl": f"s3://{bucket}/{artifact_key(artifact)}"} if artifact else {}),
                "Environment": models.environment(stage),
            },
        )
        for mode in self.modes:
            self._create_endpoint(stage, mode, label)

    def _create_endpoint(self, stage: EndpointStage, mode: EndpointMode, label: str) -> None:
        name = self.names.endpoint(stage, mode, label)
        asynchronous = {"AsyncInferenceConfig": self._async_config(stage)} if mode == "async" else {}
        instances = self.instances.get(stage, 1)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": self.names.model(stage, label),
            "InstanceType": _INSTANCE_TYPE,
            # The API takes no 0, and AWS begins with one; here that would be a wait for what goes at once.
            **({"InitialInstanceCount": instances} if instances else {}),
        }
        sagemaker = self.client("sagemaker")
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], **asynchronous
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def _async_config(self, stage: EndpointStage) -> dict[str, Any]:
        work = f"s3://{self.names.bucket('work')}"
        topics = {"SuccessTopic": "inference-success", "ErrorTopic": "inference-error"}
        return {
            "ClientConfig": {
                "MaxConcurrentInvocationsPerInstance": self.topology.endpoints[stage].concurrent_invocations
            },
            "OutputConfig": {
                "S3OutputPath": f"{work}/{JOBS}/",
                "S3FailurePath": f"{work}/failures/",
                "NotificationConfig": {
                    setting: self.names.arn("sns", self.names.topic(topic))
                    for setting, topic in topics.items()
                },
            },
        }


def default_bundles(bundle: Bundle, script: str | None) -> dict[str, Bundle]:
    """What `activate` takes where one bundle serves everything, under its script's name too."""
    return {DEFAULT_BUNDLE: bundle, **({script: bundle} if script else {})}
