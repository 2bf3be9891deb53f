"""CloudWatch: metrics, what AWS publishes by itself of them, alarms and logs."""

from local_aws.cloudwatch import metric_queries  # noqa: F401 - adds its seams
from local_aws.cloudwatch.alarms import evaluate as evaluate_alarms
from local_aws.cloudwatch.logs import LogGroups
from local_aws.cloudwatch.metrics import SEAMS, Metrics, publish

__all__ = ["SEAMS", "LogGroups", "Metrics", "evaluate_alarms", "publish"]
