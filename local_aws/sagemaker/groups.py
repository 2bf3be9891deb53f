"""Which instances serve which endpoint: those of a model, shared by its endpoints or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local_aws.containers import Container, ContainerProcess
from local_aws.sagemaker.description import EndpointDescription, Model
from local_aws.sagemaker.group import InstanceGroup
from local_aws.sagemaker.limits import RuntimeLimits

ContainerFactory = Callable[[Model], Container]
"""Makes the container that serves a model; raises what its start would raise."""


class InstanceGroups:
    """Makes the group of instances of a model when an endpoint first needs it.

    Args:
        containers: the container that serves a model.
        log_dir: where the logs of containers go.
        launch: starts a container, given the file its log goes to.
        limits: of the service; they say whether endpoints of a model share its instances.
    """

    def __init__(
        self,
        containers: ContainerFactory,
        log_dir: Path,
        launch: Callable[[Container, Path], ContainerProcess],
        limits: RuntimeLimits,
    ) -> None:
        self._containers, self._log_dir, self._launch, self._limits = containers, log_dir, launch, limits
        self._groups: dict[tuple[Model, str], InstanceGroup] = {}

    def of(self, description: EndpointDescription) -> InstanceGroup:
        """The instances of a model: an endpoint's own ones, or those that all its endpoints share."""
        model, owner = description.model, "" if self._limits.share_instances else description.name
        if (model, owner) not in self._groups:
            self._groups[model, owner] = InstanceGroup(
                "-".join(part for part in (owner, model.name) if part),
                lambda: self._containers(model),
                self._log_dir,
                launch=self._launch,
                provisioning_seconds=self._limits.provisioning_seconds,
                ready_after_seconds=self._limits.ready_after_seconds,
                startup_seconds=description.startup_seconds,
            )
        return self._groups[model, owner]

    def forget(self, group: InstanceGroup) -> None:
        """Nobody uses it any more."""
        self._groups = {key: other for key, other in self._groups.items() if other is not group}

    def take_all(self) -> list[InstanceGroup]:
        """All of them; none is left here."""
        groups = list(self._groups.values())
        self._groups.clear()
        return groups
