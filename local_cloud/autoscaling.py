"""How a local cloud scales: by the policies of autoscaling/policies.toml, faster than the clock if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autoscaling.live import Autoscaler, Instances, Publish
from autoscaling.policies import Policy, load_policies
from autoscaling.simulation.model import STAGES, Delays
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointStage
from local_aws.sagemaker.limits import RuntimeLimits


@dataclass(frozen=True)
class Autoscaling:
    """How a local cloud scales.

    Args:
        speed: how many times as fast as the clock the policies' time passes.
        policies: a file in place of autoscaling/policies.toml.
    """

    speed: float = 1.0
    policies: Path | None = None

    def by_stage(self) -> dict[EndpointStage, Policy]:
        """The policies of the asynchronous endpoints.

        Raises:
            ConfigurationError: the file is not as it must be, or an endpoint has none.
        """
        policies = load_policies(self.policies)
        found = {stage: policies.of(stage, "async") for stage in STAGES}
        if missing := [stage for stage, policy in found.items() if policy is None]:
            raise ConfigurationError(f"no policy {missing[0]}.async: the local cloud scales such endpoints")
        return {stage: policy for stage, policy in found.items() if policy is not None}

    def limits(self, limits: RuntimeLimits) -> RuntimeLimits:
        """The same limits, with instances that come as late as in the simulators, and that nobody shares.

        Where this machine takes longer to start a container, they come later.
        """
        return replace(
            limits,
            ready_after_seconds=Delays().cold_start_seconds / self.speed,
            metric_period_seconds=limits.metric_period_seconds / self.speed,
            share_instances=False,
        )

    def scaler(
        self,
        endpoints: Instances,
        policies: Mapping[str, Policy],
        publish: Publish,
        started: Callable[[], int],
    ) -> Autoscaler:
        """What scales endpoints by their policies, both by name, at this speed."""
        return Autoscaler(endpoints, policies, speed=self.speed, publish=publish, started=started)
