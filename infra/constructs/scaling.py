"""How an endpoint scales: autoscaling/policies.toml as Application Auto Scaling takes it."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from autoscaling.policies import Policy, Tracking, Wake
from autoscaling.scaling.scaler import COMING
from infra.constructs.endpoint import Endpoint
from infra.deployment import Deployment
from infra.metrics import Metric, metric
from infra.variant import VARIANT

__all__ = ["Scaling"]

_NAMESPACE: Final = "sagemaker"
_DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"
_PREDEFINED: Final = {
    "InvocationsPerInstance": "SageMakerVariantInvocationsPerInstance",
    "ConcurrentRequestsPerModel": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


class Scaling(Construct):
    """The scalable target of an endpoint, its policies and its schedules."""

    def __init__(
        self, scope: Construct, name: str, deployment: Deployment, endpoint: Endpoint, policy: Policy
    ) -> None:
        super().__init__(scope, name)
        self._deployment, self._endpoint = deployment, endpoint
        self._target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace=_NAMESPACE,
            scalable_dimension=_DIMENSION,
            resource_id=f"endpoint/{endpoint.name}/variant/{VARIANT}",
            min_capacity=policy.min_instances,
            max_capacity=policy.max_instances,
            scheduled_actions=[
                scaling.CfnScalableTarget.ScheduledActionProperty(
                    scheduled_action_name=schedule.name,
                    schedule=schedule.when,
                    timezone=schedule.timezone,
                    scalable_target_action=scaling.CfnScalableTarget.ScalableTargetActionProperty(
                        min_capacity=schedule.min_instances, max_capacity=schedule.max_instances
                    ),
                )
                for schedule in policy.schedules
            ]
            or None,
        )
        self._target.add_resource_dependency(endpoint.resource)
        self._track(policy.tracking)
        if policy.wake is not None:
            self._wake(policy.wake)

    def _track(self, told: Tracking) -> None:
        predefined = _PREDEFINED.get(told.metric)
        scaling.CfnScalingPolicy(
            self,
            "Tracking",
            policy_name=f"{self._endpoint.name}-tracking",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self._target.ref,
            target_tracking_scaling_policy_configuration=scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=told.target,
                scale_out_cooldown=told.scale_out_cooldown_seconds,
                scale_in_cooldown=told.scale_in_cooldown_seconds,
                predefined_metric_specification=(
                    scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                        predefined_metric_type=predefined
                    )
                    if predefined
                    else None
                ),
                customized_metric_specification=None if predefined else self._backlog(told.metric),
            ),
        )

    def _backlog(self, name: str) -> scaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
        told = metric("AWS/SageMaker", name, "Average", EndpointName=self._endpoint.name)
        return scaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty(
            namespace=told.namespace,
            metric_name=told.name,
            statistic=told.statistic,
            dimensions=[
                scaling.CfnScalingPolicy.MetricDimensionProperty(name=name, value=value)
                for name, value in told.dimensions.items()
            ],
        )

    def _wake(self, told: Wake) -> None:
        """From zero: a step policy and the alarm that fires it; it never scales in: work may run."""
        policy = scaling.CfnScalingPolicy(
            self,
            "Wake",
            policy_name=f"{self._endpoint.name}-wake",
            policy_type="StepScaling",
            scaling_target_id=self._target.ref,
            step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Average",
                cooldown=told.cooldown_seconds,
                step_adjustments=[
                    scaling.CfnScalingPolicy.StepAdjustmentProperty(
                        metric_interval_lower_bound=0, scaling_adjustment=told.add_instances
                    )
                ],
            ),
        )
        backlog = metric(
            "AWS/SageMaker", "HasBacklogWithoutCapacity", "Average", EndpointName=self._endpoint.name
        )
        cloudwatch.CfnAlarm(
            self,
            "WakeAlarm",
            alarm_name=f"{self._endpoint.name}-wake",
            alarm_description=f"Requests wait for {self._endpoint.name} at zero instances: scaling adds one.",
            namespace=backlog.namespace,
            metric_name=backlog.name,
            statistic=backlog.statistic,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in backlog.dimensions.items()
            ],
            period=60,
            evaluation_periods=told.periods,
            datapoints_to_alarm=told.periods,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[policy.attr_arn],
        )
        if told.on_documents:
            self._wake_on_documents(policy.attr_arn)

    def _wake_on_documents(self, policy: str) -> None:
        """A document is work that comes to every endpoint: those that sleep wake together, and at once.

        Nothing says how many instances an asynchronous endpoint has; each reports its CPU once a minute.
        """
        names = self._deployment.names
        flow = names.arn("states", f"stateMachine:{names.state_machine('documents')}")
        endpoint = {"EndpointName": self._endpoint.name, "VariantName": VARIANT}
        watched = {
            "started": metric("AWS/States", "ExecutionsStarted", "Sum", StateMachineArn=flow),
            "hosts": metric("/aws/sagemaker/Endpoints", "CPUUtilization", "SampleCount", **endpoint),
        }
        expression = cloudwatch.CfnAlarm.MetricDataQueryProperty(
            id="coming",
            expression="IF(FILL(started, 0) > 0, IF(FILL(hosts, 0) < 1, 1, 0), 0)",
            label=COMING,
            return_data=True,
        )
        cloudwatch.CfnAlarm(
            self,
            "DocumentsAlarm",
            alarm_name=f"{self._endpoint.name}-wake-on-documents",
            alarm_description=f"Documents come, {self._endpoint.name} has no instance: scaling adds one.",
            metrics=[expression, *(_query(name, told) for name, told in watched.items())],
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[policy],
        )


def _query(name: str, told: Metric) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
    """A metric of one minute that an expression is made of."""
    return cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id=name,
        metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace=told.namespace,
                metric_name=told.name,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                    for name, value in told.dimensions.items()
                ],
            ),
            period=60,
            stat=told.statistic,
        ),
        return_data=False,
    )
