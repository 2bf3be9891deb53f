"""Which instances serve which endpoint: those of a model, shared by its endpoints or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from local_aws.sagemaker.description import EndpointDescription, Model
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.group import Hosting, InstanceGroup


class InstanceGroups:
    """Makes the group of instances of a model when an endpoint first needs it.

    Args:
        hosting: what instances are started with; its limits decide whether endpoints of a model share them.
        endpoints: all there are, by name.
        changed: called for each endpoint of a group after its instances have changed.
    """

    def __init__(
        self,
        hosting: Hosting,
        endpoints: Mapping[str, RunningEndpoint],
        changed: Callable[[RunningEndpoint], None],
    ) -> None:
        self._hosting, self._endpoints, self._changed = hosting, endpoints, changed
        self._groups: dict[tuple[Model, str], InstanceGroup] = {}

    def of(self, description: EndpointDescription) -> InstanceGroup:
        """The instances of a model: an endpoint's own ones, or those that all its endpoints share."""
        model, owner = description.model, "" if self._hosting.limits.share_instances else description.name
        if (model, owner) not in self._groups:
            name = f"{owner}-{model.name}".lstrip("-")
            self._groups[model, owner] = InstanceGroup(name, description, self._hosting, self._notify)
        return self._groups[model, owner]

    def fit(self) -> None:
        """As many instances as that endpoint wants which wants the most; a group of nobody is forgotten."""
        wanted: dict[InstanceGroup, int] = {}
        for endpoint in self._endpoints.values():
            for group, instances in filter(None, ((endpoint.group, endpoint.wanted), endpoint.coming)):
                wanted[group] = max(instances, wanted.get(group, 0))
        for group in self._groups.values():
            group.resize(wanted.get(group, 0))
        self._groups = {key: group for key, group in self._groups.items() if group in wanted}

    def stop(self) -> None:
        """End all instances at once."""
        with ThreadPoolExecutor(len(self._groups) or 1) as pool:
            pool.map(InstanceGroup.stop, self._groups.values())

    def _notify(self, group: InstanceGroup) -> None:
        for endpoint in list(self._endpoints.values()):
            if endpoint.group is group and endpoint.in_service:
                self._changed(endpoint)
