"""Which instances serve which endpoint: those of a model, shared by its endpoints or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from local_aws.containers import Container
from local_aws.sagemaker.description import EndpointDescription, Model
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.group import InstanceGroup, Launch
from local_aws.sagemaker.limits import RuntimeLimits

ContainerFactory = Callable[[Model], Container]
"""Makes the container that serves a model; raises what its start would raise."""


class InstanceGroups:
    """Makes the group of instances of a model when an endpoint first needs it.

    Args:
        containers: the container that serves a model.
        log_dir: where the logs of containers go.
        launch: starts a container.
        limits: of the service; they say whether endpoints of a model share its instances.
        endpoints: all there are, by name.
        changed: called for each endpoint of a group after its instances have changed.
    """

    def __init__(
        self,
        containers: ContainerFactory,
        log_dir: Path,
        launch: Launch,
        limits: RuntimeLimits,
        endpoints: Mapping[str, RunningEndpoint],
        changed: Callable[[RunningEndpoint], None],
    ) -> None:
        self._containers, self._log_dir, self._launch, self._limits = containers, log_dir, launch, limits
        self._endpoints, self._changed = endpoints, changed
        self._groups: dict[tuple[Model, str], InstanceGroup] = {}

    def of(self, description: EndpointDescription) -> InstanceGroup:
        """The instances of a model: an endpoint's own ones, or those that all its endpoints share."""
        model, owner = description.model, "" if self._limits.share_instances else description.name
        if (model, owner) not in self._groups:
            self._groups[model, owner] = InstanceGroup(
                f"{owner}-{model.name}".lstrip("-"),
                lambda: self._containers(model),
                self._log_dir,
                self._launch,
                self._limits,
                startup_seconds=description.startup_seconds,
                changed=self._notify,
            )
        return self._groups[model, owner]

    def fit(self, group: InstanceGroup) -> None:
        """As many instances as that endpoint wants which wants the most; a group of nobody is forgotten."""
        users = [endpoint.wanted for endpoint in self._endpoints.values() if endpoint.group is group]
        group.resize(max(users, default=0))
        if not users:
            self._groups = {key: other for key, other in self._groups.items() if other is not group}

    def stop(self) -> None:
        """End all instances at once."""
        enders = [threading.Thread(target=group.stop) for group in self._groups.values()]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def _notify(self, group: InstanceGroup) -> None:
        for endpoint in list(self._endpoints.values()):
            if endpoint.group is group and endpoint.in_service:
                self._changed(endpoint)
