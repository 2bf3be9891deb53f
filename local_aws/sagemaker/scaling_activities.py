"""Scaling activities of endpoints, for DescribeScalingActivities: the local AWS has no scaler of its own.

Whoever scales endpoints reports here what was decided. Policies that a client puts would never act, so that
they are refused.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

from local_aws.seams import Seams

SEAMS: Final = Seams()
_RESPONSE: Final = "moto.applicationautoscaling.responses:ApplicationAutoScalingResponse"
_DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"
_REMEMBERED: Final = 10_000


class ScalingActivities:
    """What was decided, the newest first; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities = deque[dict[str, Any]](maxlen=_REMEMBERED)

    def begin(self, endpoint: str, variant: str, instances: int, cause: str) -> None:
        """A variant shall have so many instances from now on; what was under way is overridden."""
        now, resource = time.time(), f"endpoint/{endpoint}/variant/{variant}"
        with self._lock:
            self._end(resource, "Overridden", "The activity was overridden by a newer one.")
            self._activities.appendleft(
                {
                    "ActivityId": str(uuid.uuid4()),
                    "ServiceNamespace": "sagemaker",
                    "ResourceId": resource,
                    "ScalableDimension": _DIMENSION,
                    "Description": f"Setting desired instance count to {instances}.",
                    "Cause": cause,
                    "StartTime": now,
                    "StatusCode": "InProgress",
                }
            )

    def fulfil(self, endpoint: str, variant: str, instances: int) -> None:
        """A variant has as many instances as it should."""
        with self._lock:
            message = f"Successfully set desired instance count to {instances}. "
            message += "Change successfully fulfilled by sagemaker."
            self._end(f"endpoint/{endpoint}/variant/{variant}", "Successful", message)

    def page(self, *, first: int, most: int, **wanted: str) -> tuple[list[dict[str, Any]], bool]:
        """Activities whose members are as wanted, from one on, and whether there are more."""
        with self._lock:
            found = [
                dict(activity)
                for activity in self._activities
                if all(activity[name] == value for name, value in wanted.items())
            ]
        return found[first : first + most], len(found) > first + most

    def _end(self, resource: str, status: str, message: str) -> None:
        for activity in self._activities:
            if activity["ResourceId"] == resource:
                if activity["StatusCode"] == "InProgress":
                    activity.update(StatusCode=status, StatusMessage=message, EndTime=time.time())
                return


@SEAMS.replaces(f"{_RESPONSE}.describe_scaling_activities")
def _describe(activities: ScalingActivities, _: None, call: ApplicationAutoScalingResponse) -> str:
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    wanted = {name: value for name in names if (value := call._get_param(name)) is not None}
    token, most = call._get_param("NextToken") or "0", call._get_int_param("MaxResults") or 50
    if not token.isdecimal() or not 0 < most <= 50:
        raise AWSValidationException("NextToken or MaxResults is not valid.")
    found, more = activities.page(first=int(token), most=most, **wanted)
    following = {"NextToken": str(int(token) + most)} if more else {}
    return json.dumps({"ScalingActivities": found, **following})


def _refuse(_: object, _original: Callable[..., str], call: ApplicationAutoScalingResponse) -> str:
    raise AWSValidationException(
        f"The local AWS does not serve {call._get_action()}: nothing would act on it. "
        "Whoever scales endpoints calls UpdateEndpointWeightsAndCapacities."
    )


for _name in ("put_scaling_policy", "put_scheduled_action"):
    SEAMS.replaces(f"{_RESPONSE}.{_name}")(_refuse)
