"""SageMaker hosting on one machine: endpoints of moto's records, run by real containers, called over HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal, Self

from local_aws.errors import ConfigurationError, LocalAwsError, StartError
from local_aws.repeating import repeating
from local_aws.sagemaker import records, scaling_activities
from local_aws.sagemaker.async_endpoint import AsyncEndpoint
from local_aws.sagemaker.calls import routes
from local_aws.sagemaker.container_logs import ContainerLogs, OnLog
from local_aws.sagemaker.description import describe_endpoint
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.group import Hosting
from local_aws.sagemaker.groups import InstanceGroups
from local_aws.sagemaker.metrics import NAMESPACE, MetricData, Publish, VariantMetrics
from local_aws.sagemaker.scaling_activities import ScalingActivities
from local_aws.server import Route

_LOG_SECONDS, _EXPIRY_SECONDS = 0.25, 0.5
"""Between looks at the logs of containers, and for requests that have waited too long."""

log = logging.getLogger(__name__)


class SageMakerRuntime:
    """Runs the endpoints that CreateEndpoint made, and answers calls of them; a context manager.

    While it is started, moto's SageMaker hands it new, changed and deleted endpoints.

    Args:
        clients: makes a boto3 client of a service: s3, sns and sagemaker.
        hosting: what instances are started with, and the limits of the service.
        publish: takes metrics, as `put_metric_data` does: a namespace and metric data.
        on_log: takes what containers log: a log group, a stream and lines.
    """

    def __init__(
        self,
        clients: Callable[[str], Any],
        hosting: Hosting,
        *,
        publish: Publish = lambda namespace, data: None,
        on_log: OnLog = lambda group, stream, lines: None,
    ) -> None:
        self._clients, self._limits, self._publish = clients, hosting.limits, publish
        self._logs = ContainerLogs(on_log)
        self._scaling = ScalingActivities()
        self._changed = threading.Condition()
        self._endpoints: dict[str, RunningEndpoint] = {}
        self._groups = InstanceGroups(hosting, self._endpoints, self._count)
        self._failures: dict[str, LocalAwsError] = {}
        self._stopped = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        period = self._limits.metric_period_seconds
        for work, seconds in (
            (self.publish_metrics, period),
            (self._publish_concurrency, period / 6),  # every 10 s in AWS, all else once a minute
            (self._copy_logs, _LOG_SECONDS),
            (self._expire, _EXPIRY_SECONDS),
        ):
            self._stack.enter_context(repeating(work, seconds))
        self._stack.enter_context(records.SEAMS.installed(self))
        self._stack.enter_context(scaling_activities.SEAMS.installed(self._scaling))
        return self

    def __exit__(self, *_: object) -> None:
        """End every instance; what they were working on gets no answer."""
        with self._changed:
            self._stopped = True
            for queue in self._queues().values():
                queue.close()
            self._changed.notify_all()
        self._stack.close()
        self._groups.stop()
        self._copy_logs()
        self._endpoints.clear()

    def routes(self) -> list[Route]:
        """What a server must hand to this object."""
        return routes(self._in_service, self._limits)

    def wait_in_service(self, name: str, seconds: float = 120.0) -> None:
        """Wait until an endpoint takes calls.

        Raises:
            LocalAwsError: why it failed; StartError where that took too long, or all was stopped meanwhile.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._in_service(name) or name in self._failures or self._stopped, seconds
            )
            if name in self._failures:
                raise self._failures[name]
            if not self._in_service(name):
                raise StartError(f"endpoint {name} was not in service within {seconds:g} s")

    def deploy(self, name: str, config: str | None = None) -> None:
        """Start an endpoint in moto's records, or give it the configuration of a name; returns at once."""
        threading.Thread(target=self._deploy, args=(name, config), daemon=True).start()

    def set_instance_count(self, name: str, instances: int) -> None:
        """Grow or shrink an endpoint; returns at once. Instances that go finish what they work on.

        Raises:
            KeyError: no such endpoint runs.
        """
        with self._changed:
            endpoint = self._endpoints[name]
            endpoint.wanted = instances
            self._groups.fit()
        self._count(endpoint)

    def scale(self, name: str, instances: int, cause: str) -> None:
        """The same, and DescribeScalingActivities answers it with its cause. Raises KeyError."""
        self._scaling.begin(name, self._endpoints[name].description.variant, instances, cause)
        self.set_instance_count(name, instances)

    def delete_endpoint(self, name: str) -> None:
        """End an endpoint; what waits is not answered."""
        self._copy_logs()
        with self._changed:
            self._failures.pop(name, None)
            endpoint = self._endpoints.pop(name, None)
            if endpoint and endpoint.queue:
                endpoint.queue.close()
            self._groups.fit()

    @property
    def hosts(self) -> dict[str, tuple[int, ...]]:
        """The processes that serve each endpoint now."""
        endpoints = list(self._endpoints.items())
        return {name: tuple(instance.pid for instance in each.instances) for name, each in endpoints}

    def instance_counts(self, name: str) -> Sequence[tuple[float, int]]:
        """Since when, on the monotonic clock, how many instances of an endpoint have taken work."""
        return tuple(self._endpoints[name].counts)

    @property
    def backlogs(self) -> dict[str, int]:
        """Requests that each asynchronous endpoint has not answered yet."""
        return {name: queue.size() for name, queue in self._queues().items()}

    @property
    def answered(self) -> dict[str, list[Mapping[str, Any]]]:
        """The last invocations that each asynchronous endpoint has answered, with their times."""
        return {name: queue.answered() for name, queue in self._queues().items()}

    def gauges(self) -> MetricData:
        """The state of every asynchronous endpoint's queue at this moment, as metrics."""
        return [gauge for queue in self._queues().values() for gauge in queue.gauges()]

    def publish_metrics(self) -> None:
        """Publish what came since the last time, and the gauges of now."""
        taken = [datum for endpoint in list(self._endpoints.values()) for datum in endpoint.metrics.take()]
        self._publish(NAMESPACE, [*taken, *self.gauges()])

    def _queues(self) -> dict[str, AsyncEndpoint]:
        return {name: each.queue for name, each in list(self._endpoints.items()) if each.queue}

    def _in_service(self, name: str) -> RunningEndpoint | None:
        endpoint = self._endpoints.get(name)
        return endpoint if endpoint and endpoint.in_service else None

    def _deploy(self, name: str, config: str | None) -> None:
        """As AWS does it: the old instances serve until the new ones are ready, and stay where those fail.

        What waits in the queue of an asynchronous endpoint waits for the new ones.
        """
        endpoint = self._endpoints.get(name)
        try:
            description = describe_endpoint(self._clients("sagemaker"), name, config)
            if endpoint and (description.asynchronous is None) != (endpoint.queue is None):
                raise ConfigurationError("an update cannot make a real-time endpoint of an asynchronous one")
            with self._changed:
                deleted = self._endpoints.get(name) is not endpoint or (config and endpoint is None)
                if self._stopped or deleted:
                    return
                group, instances = self._groups.of(description), description.instances
                if endpoint is None:
                    metrics = VariantMetrics(name, description.variant)
                    endpoint = RunningEndpoint(description, group, metrics, wanted=instances)
                    self._endpoints[name] = endpoint
                endpoint.coming = group, instances
                self._groups.fit()
            group.wait_until_ready(instances)
        except Exception as error:
            self._give_up(name, endpoint, error)
            return
        self._copy_logs()
        with self._changed:
            if self._endpoints.get(name) is not endpoint:  # deleted meanwhile
                return
            endpoint.description, endpoint.group, endpoint.coming = description, group, None
            if config:
                endpoint.wanted = instances
            if description.asynchronous and endpoint.queue is None:
                s3, sns = self._clients("s3"), self._clients("sns")
                endpoint.queue = AsyncEndpoint(endpoint, self._limits, s3=s3, sns=sns)
            endpoint.in_service = True
            self._groups.fit()
            records.end_change(name, config=config)
            self._count(endpoint)
            self._changed.notify_all()

    def _give_up(self, name: str, endpoint: RunningEndpoint | None, error: Exception) -> None:
        known = error if isinstance(error, LocalAwsError) else StartError(f"{type(error).__name__}: {error}")
        self._copy_logs()
        with self._changed:
            if self._stopped or self._endpoints.get(name) is not endpoint:  # deleted meanwhile
                return
            log.error("endpoint %s could not be started or updated: %s", name, known.message)
            if endpoint and endpoint.in_service:
                endpoint.coming = None
            else:
                self._failures[name] = known
                self._endpoints.pop(name, None)
            self._groups.fit()
            status: Literal["InService", "Failed"] = "InService" if name in self._endpoints else "Failed"
            records.end_change(name, status, known.message[:1024])
            self._changed.notify_all()

    def _count(self, endpoint: RunningEndpoint) -> None:
        """Write down how many instances an endpoint has; new ones get what waits."""
        if self._endpoints.get(endpoint.name) is endpoint:
            current = endpoint.count()
            records.set_instances(endpoint.name, current=current, desired=endpoint.wanted)
            if current == endpoint.wanted:
                self._scaling.end(endpoint.name, endpoint.description.variant)
            if endpoint.queue:
                endpoint.queue.hand_over()

    def _copy_logs(self) -> None:
        self._logs.copy(list(self._endpoints.values()))

    def _publish_concurrency(self) -> None:
        name, endpoints = "ConcurrentRequestsPerModel", list(self._endpoints.values())
        self._publish(NAMESPACE, [endpoint.metrics.gauge(name, endpoint.in_flight) for endpoint in endpoints])

    def _expire(self) -> None:
        for queue in self._queues().values():
            queue.expire()
