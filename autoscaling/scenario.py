"""From policies, instance types and service times to what a simulator runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from autoscaling.policies import Policies, Policy
from autoscaling.service_times import ServiceTimes
from autoscaling.simulation.model import (
    STAGES,
    Delays,
    EndpointModel,
    Failures,
    Pipeline,
    ServiceTime,
)
from hybrid_ocr.contracts.errors import ConfigurationError, RequestError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from topology import load_topology

__all__ = ["DEFAULT_HOSTING", "Hosting", "Scenario", "parse_hosting"]


@dataclass(frozen=True)
class Hosting:
    """What an endpoint runs on."""

    instance_type: str
    mode: EndpointMode = "async"


DEFAULT_HOSTING: Final[Mapping[EndpointStage, Hosting]] = {
    stage: Hosting(endpoint.instance_type) for stage, endpoint in load_topology().endpoints.items()
}
"""As the topology has it, in its order."""

_HOST: Final = re.compile(rf"({'|'.join(STAGES)})=([a-z0-9.-]{{1,40}})(?::(async|realtime))?")


@dataclass(frozen=True)
class Scenario:
    """A deployment: what the policies say, and what is beside them.

    Args:
        policies: of all endpoints.
        service_times: of the instance types.
        hosting: instance type and mode of each endpoint.
        delays: of a start.
        failures: of instances.
    """

    policies: Policies
    service_times: ServiceTimes
    hosting: Mapping[EndpointStage, Hosting] = field(default_factory=lambda: DEFAULT_HOSTING)
    delays: Delays = field(default_factory=Delays)
    failures: Failures = field(default_factory=Failures)

    @property
    def pages_per_invocation(self) -> int:
        """The most that a batch may have."""
        return int(load_topology().functions["paginate"].environment["PAGES_PER_BATCH"])

    def policy(self, stage: EndpointStage) -> Policy:
        """The policy that an endpoint follows in the mode it has here.

        Raises:
            ConfigurationError: there is none for this mode.
        """
        mode = self.hosting[stage].mode
        policy = self.policies.of(stage, mode)
        if policy is None:
            raise ConfigurationError(f"no policy {stage}.{mode}: add it, or host {stage} in another mode")
        return policy

    def waking(self, *, together: bool) -> Scenario:
        """The same deployment: documents wake all that sleep, or its own work wakes each."""

        def woken(policy: Policy) -> Policy:
            wake = policy.wake and policy.wake.model_copy(update={"on_documents": together})
            return policy.model_copy(update={"wake": wake})

        by_stage = {
            stage: {mode: woken(policy) for mode, policy in self.policies.modes(stage).items()}
            for stage in STAGES
        }
        return replace(self, policies=Policies.model_validate(by_stage))

    def pipeline(self) -> Pipeline:
        """What a simulator runs.

        The table has the seconds of an instance that a page costs. An instance that works on several
        invocations at once does not do more for it, so each of them takes so many times longer.

        Raises:
            ConfigurationError: a policy or a service time is missing.
        """
        topology, pages = load_topology(), self.pages_per_invocation
        endpoints: dict[EndpointStage, EndpointModel] = {}
        for stage in STAGES:
            hosting = self.hosting[stage]
            at_once = topology.endpoints[stage].concurrent_invocations
            sizes = tuple(range(1, pages + 1))
            each = [self.service_times.seconds_per_page(stage, hosting.instance_type, size) for size in sizes]
            endpoints[stage] = EndpointModel(
                policy=self.policy(stage),
                service=ServiceTime(
                    sizes, tuple(size * s * at_once for size, s in zip(sizes, each, strict=True))
                ),
                concurrency=at_once,
                instance_type=hosting.instance_type,
                mode=hosting.mode,
                delays=self.delays,
                failures=self.failures,
            )
        return Pipeline(endpoints, pages_per_invocation=pages)


def parse_hosting(told: Iterable[str]) -> Mapping[EndpointStage, Hosting]:
    """The default hosting with what a person says instead: `ocr=ml.g6.xlarge` or `ocr=ml.g6.xlarge:realtime`.

    Raises:
        RequestError: no such stage or mode.
    """
    hosting = dict(DEFAULT_HOSTING)
    for each in told:
        match = _HOST.fullmatch(each)
        if match is None:
            raise RequestError(f"{each[:80]!r}: give STAGE=TYPE[:MODE], a stage of {', '.join(STAGES)}")
        stage = next(stage for stage in STAGES if stage == match[1])
        hosting[stage] = Hosting(match[2], "realtime" if match[3] == "realtime" else "async")
    return hosting
