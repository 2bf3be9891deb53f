"""The Lambda functions, each with a role and reserved concurrency of its own, and what feeds them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.images import Images
from infra.constructs.logs import log_group
from infra.constructs.network import Place, https_only
from infra.constructs.resource import skip_checkov_of
from infra.constructs.roles import role
from infra.deployment import Deployment, camel
from infra.network import OUTSIDE_A_NETWORK
from infra.permissions import Permissions, function_logs
from topology.model import FUNCTIONS

__all__ = ["Functions"]


class Functions(Construct):
    """The functions of the topology; their lines share a log group, where a job is found across them all."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        deployment: Deployment,
        *,
        key: kms.IKey,
        images: Images,
        place: Place | None,
    ) -> None:
        super().__init__(scope, name)
        self._deployment, self._key, self._images = deployment, key, images
        self._permissions = Permissions(deployment, key.key_arn, place.vpc_id if place else None)
        self._vpc = self._vpc_config(place)
        self._logs = log_group(self, "Logs", deployment, key, function_logs(deployment.names))
        self.functions: Mapping[str, lambda_.CfnFunction] = {
            name: self._function(name) for name in deployment.topology.functions
        }

    def _vpc_config(self, place: Place | None) -> lambda_.CfnFunction.VpcConfigProperty | None:
        if place is None:
            return None
        group = https_only(self, "SecurityGroup", self._deployment, "Functions", place)
        return lambda_.CfnFunction.VpcConfigProperty(
            security_group_ids=[group], subnet_ids=list(place.subnet_ids)
        )

    def _function(self, name: str) -> lambda_.CfnFunction:
        names, told = self._deployment.names, self._deployment.topology.functions[name]
        statements = self._permissions.function(name)
        own_role = role(
            self, camel(name), "lambda", statements, account=names.account, log_group=function_logs(names)
        )
        function = lambda_.CfnFunction(
            self,
            camel(name),
            function_name=names.function(name),
            role=own_role.role_arn,
            package_type="Image",
            architectures=["x86_64"],
            code=lambda_.CfnFunction.CodeProperty(image_uri=self._images.function(told.image).image_uri),
            image_config=lambda_.CfnFunction.ImageConfigProperty(command=[told.handler]),
            memory_size=told.memory_mb,
            timeout=told.timeout_seconds,
            reserved_concurrent_executions=told.concurrency,
            environment=lambda_.CfnFunction.EnvironmentProperty(
                variables=self._deployment.topology.environment(name, names)
            ),
            kms_key_arn=self._key.key_arn,
            tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=self._logs.ref),
            dead_letter_config=lambda_.CfnFunction.DeadLetterConfigProperty(
                target_arn=names.arn("sqs", names.dead_letter_queue(FUNCTIONS))
            ),
            vpc_config=self._vpc,
        )
        if self._vpc is None:
            skip_checkov_of(function, "CKV_AWS_117", OUTSIDE_A_NETWORK)
        if told.queue is not None:
            lambda_.CfnEventSourceMapping(
                self,
                camel(name, "source"),
                function_name=function.ref,
                event_source_arn=names.arn("sqs", names.queue(told.queue)),
                batch_size=told.batch_size,
                function_response_types=["ReportBatchItemFailures"],
                # Pollers beyond the reserved concurrency would only be throttled, and messages lose receives.
                scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                    maximum_concurrency=max(2, told.concurrency)
                ),
            )
        return function
