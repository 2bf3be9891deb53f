"""A SageMaker endpoint: one stage behind one artefact, cut off from every network, updated blue to green."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.keys import JOBS, artifact_key
from infra.alarms import endpoint_errors
from infra.constructs.alarms import alarm
from infra.constructs.images import Images
from infra.constructs.logs import log_group
from infra.constructs.network import Place
from infra.constructs.roles import role
from infra.deployment import Deployment, camel
from infra.permissions import Permissions, endpoint_logs
from infra.variant import VARIANT

__all__ = ["Endpoint"]

_STARTUP_SECONDS: Final = 600
"""For a container to load and warm up its network; the service's default is a few minutes."""
_DOWNLOAD_SECONDS: Final = 600
_BAKE_SECONDS: Final = 600
"""How long the new fleet has all traffic, and its alarms quiet, before the old one is ended."""
_UPDATE_SECONDS: Final = 7_200


class Endpoint(Construct):
    """The endpoint of a stage, asynchronous or real-time.

    Its name is fixed; model and configuration get new names with every change, which is what an update needs.
    """

    def __init__(
        self,
        scope: Construct,
        stage: EndpointStage,
        mode: EndpointMode,
        deployment: Deployment,
        *,
        key: kms.IKey,
        images: Images,
        place: Place | None,
        security_group: str | None,
    ) -> None:
        super().__init__(scope, camel(stage, mode))
        self._stage, self._mode, self._deployment, self._key = stage, mode, deployment, key
        self._place, self._security_group = place, security_group
        self.name = deployment.endpoint(stage, mode)
        lines = log_group(self, "Logs", deployment, key, endpoint_logs(self.name))
        model = self._model(images)
        config = self._config(model)
        errors = alarm(self, deployment, endpoint_errors(deployment, stage, mode))
        self.resource = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self.name,
            endpoint_config_name=config.attr_endpoint_config_name,
            # An update keeps the number of instances that scaling has come to.
            retain_all_variant_properties=True,
            deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
                blue_green_update_policy=self._blue_green(),
                auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                    alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=errors.ref)]
                ),
            ),
        )
        # Else SageMaker would make the group, with neither key nor end.
        self.resource.add_resource_dependency(lines)

    def _model(self, images: Images) -> sagemaker.CfnModel:
        names = self._deployment.names
        _, instance = self._deployment.settings.instance(self._stage)
        asset = images.endpoint(self._stage, instance.target)
        vpc_id = self._place.vpc_id if self._place else None
        permissions = Permissions(self._deployment, self._key.key_arn, vpc_id)
        statements = permissions.endpoint(self._stage, self._mode, asset.repository.repository_arn)
        own_role = role(
            self,
            "Container",
            "sagemaker",
            statements,
            account=names.account,
            log_group=endpoint_logs(self.name),
        )
        model = self._deployment.models.get(self._stage)
        artifact = f"s3://{names.bucket('artifacts')}/{artifact_key(model)}" if model else None
        return sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=own_role.role_arn,
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=asset.image_uri,
                model_data_url=artifact,
                environment=self._deployment.topology.endpoints[self._stage].environment(self._mode),
            ),
            vpc_config=self._vpc_config(),
        )

    def _vpc_config(self) -> sagemaker.CfnModel.VpcConfigProperty | None:
        if self._place is None or self._security_group is None:
            return None
        return sagemaker.CfnModel.VpcConfigProperty(
            security_group_ids=[self._security_group], subnets=list(self._place.subnet_ids)
        )

    def _config(self, model: sagemaker.CfnModel) -> sagemaker.CfnEndpointConfig:
        instance_type, instance = self._deployment.settings.instance(self._stage)
        policy = self._deployment.settings.policy(self._stage, self._mode)
        ami = self._deployment.settings.stage.inference_ami if instance.gpus else None
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",
            kms_key_id=None if instance.local_storage else self._key.key_id,
            async_inference_config=self._asynchronous() if self._mode == "async" else None,
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=instance_type,
                    # An endpoint starts awake, so that its first deployment shows whether the model loads.
                    initial_instance_count=max(1, policy.min_instances),
                    initial_variant_weight=1,
                    inference_ami_version=ami,
                    container_startup_health_check_timeout_in_seconds=_STARTUP_SECONDS,
                    model_data_download_timeout_in_seconds=_DOWNLOAD_SECONDS,
                )
            ],
        )

    def _asynchronous(self) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        names = self._deployment.names
        work = f"s3://{names.bucket('work')}"
        return sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty(
            client_config=sagemaker.CfnEndpointConfig.AsyncInferenceClientConfigProperty(
                max_concurrent_invocations_per_instance=self._deployment.topology.endpoints[
                    self._stage
                ].concurrent_invocations
            ),
            output_config=sagemaker.CfnEndpointConfig.AsyncInferenceOutputConfigProperty(
                kms_key_id=self._key.key_id,
                s3_output_path=f"{work}/{JOBS}/",
                s3_failure_path=f"{work}/failures/",
                notification_config=sagemaker.CfnEndpointConfig.AsyncInferenceNotificationConfigProperty(
                    success_topic=names.arn("sns", names.topic("inference-success")),
                    error_topic=names.arn("sns", names.topic("inference-error")),
                ),
            ),
        )

    def _blue_green(self) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty:
        """Asynchronous work waits in a queue, so all of it may move at once; calls move a part first."""
        if self._mode == "async":
            routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                type="ALL_AT_ONCE", wait_interval_in_seconds=0
            )
        else:
            routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                type="CANARY",
                canary_size=sagemaker.CfnEndpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=50),
                wait_interval_in_seconds=_BAKE_SECONDS,
            )
        return sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=routing,
            termination_wait_in_seconds=_BAKE_SECONDS,
            maximum_execution_timeout_in_seconds=_UPDATE_SECONDS,
        )
