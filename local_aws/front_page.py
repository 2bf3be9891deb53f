"""The page for people at the address of a local AWS: what runs, what it did, how to send it something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment

from local_aws.component import About

if TYPE_CHECKING:
    from local_aws.aws import LocalAws

_MOST_ROWS: Final = 20


def render(aws: LocalAws, about: About, links: Sequence[str]) -> str:
    """The page as HTML.

    Args:
        aws: what it tells of.
        about: what the component says of itself.
        links: paths that answer in a browser.
    """
    page = files("local_aws").joinpath("front_page.html").read_text("utf-8")
    return (
        Environment(autoescape=True)
        .from_string(page)
        .render(
            title=about.title,
            url=aws.endpoint_url,
            upload=about.upload,
            usage=about.usage,
            executions=sorted(_executions(aws), key=lambda each: each["startDate"], reverse=True)[
                :_MOST_ROWS
            ],
            objects=list(_objects(aws, about.results)) if about.results else [],
            endpoints=list(_endpoints(aws)),
            functions=aws.functions.pids,
            queues=list(_queues(aws)),
            links=links,
            log_dir=aws.log_dir,
        )
    )


def _executions(aws: LocalAws) -> Iterator[Mapping[str, Any]]:
    client = aws.client("stepfunctions")
    for machine in client.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        for execution in client.list_executions(stateMachineArn=arn, maxResults=_MOST_ROWS)["executions"]:
            yield {**execution, "machine": machine["name"]}


def _objects(aws: LocalAws, prefix: str) -> Iterator[Mapping[str, Any]]:
    """The newest objects under `BUCKET/PREFIX`."""
    bucket, _, start = prefix.partition("/")
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    found = [thing for page in pages for thing in page.get("Contents", [])]
    for thing in sorted(found, key=lambda thing: thing["LastModified"], reverse=True)[:_MOST_ROWS]:
        yield {"path": f"{bucket}/{thing['Key']}", "size": thing["Size"]}


def _endpoints(aws: LocalAws) -> Iterator[Mapping[str, Any]]:
    hosts, backlogs = aws.sagemaker.hosts, aws.sagemaker.backlogs
    for endpoint in aws.client("sagemaker").list_endpoints(SortBy="Name", SortOrder="Ascending")["Endpoints"]:
        name = endpoint["EndpointName"]
        status = endpoint["EndpointStatus"]
        yield {"name": name, "status": status, "pids": hosts.get(name, ()), "backlog": backlogs.get(name, "")}


def _queues(aws: LocalAws) -> Iterator[Mapping[str, Any]]:
    client = aws.client("sqs")
    for url in client.list_queues().get("QueueUrls", []):
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield {
            "name": url.rpartition("/")[2],
            "waiting": counts["ApproximateNumberOfMessages"],
            "under_way": counts["ApproximateNumberOfMessagesNotVisible"],
        }
