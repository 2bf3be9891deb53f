"""Scaling activities of endpoints, for DescribeScalingActivities: the local AWS has no scaler of its own.

Whoever scales endpoints reports here what was decided.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from typing import Any, Final

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.utilities.paginator import Paginator

from local_aws.seams import Seams

SEAMS: Final = Seams()
_REMEMBERED: Final = 10_000


class ScalingActivities:
    """What was decided, the newest first; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities = deque[dict[str, Any]](maxlen=_REMEMBERED)

    def begin(self, endpoint: str, variant: str, instances: int, cause: str) -> None:
        """A variant shall have so many instances from now on; what was under way is overridden."""
        self.end(endpoint, variant, "Overridden")
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "Description": f"Setting desired instance count to {instances}.",
            "Cause": cause,
            "StartTime": time.time(),
            "StatusCode": "InProgress",
        }
        with self._lock:
            self._activities.appendleft(activity)

    def end(self, endpoint: str, variant: str, status: str = "Successful") -> None:
        """What is under way for a variant has ended, by default since it has the instances that it should."""
        end = {"StatusCode": status, "EndTime": time.time()}
        for activity in self.newest_first():
            if activity["ResourceId"] == f"endpoint/{endpoint}/variant/{variant}":
                if activity["StatusCode"] == "InProgress":
                    activity.update(end)
                return

    def newest_first(self) -> list[dict[str, Any]]:
        """All that are remembered."""
        with self._lock:
            return list(self._activities)


@SEAMS.replaces(
    "moto.applicationautoscaling.responses:ApplicationAutoScalingResponse.describe_scaling_activities"
)
def _describe(activities: ScalingActivities, _: None, call: ApplicationAutoScalingResponse) -> str:
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    wanted = {name: value for name in names if (value := call._get_param(name)) is not None}
    found = [activity for activity in activities.newest_first() if wanted.items() <= activity.items()]
    page, token = Paginator(
        max_results=call._get_int_param("MaxResults"),
        max_results_default=50,
        starting_token=call._get_param("NextToken"),
        unique_attribute="ActivityId",
        param_values_to_check=wanted,
    ).paginate(found)
    return json.dumps({"ScalingActivities": page, **({"NextToken": token} if token else {})})
