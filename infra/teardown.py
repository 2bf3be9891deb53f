"""Take a stage away: ask first, empty what may go, and clear up what came back. Steps of `make destroy`.

`python -m infra.teardown ask|empty|rest STAGE [--yes]`. Whether data may go is said in the stage's file, by
`keep_data`: an emptied bucket does not come back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from autoscaling.prices import load_prices
from hybrid_ocr.clients import Connection, connect
from hybrid_ocr.contracts.errors import ConfigurationError, OcrError, RequestError
from infra.buckets import bucket_exists
from infra.leftovers import kept, own_buckets
from infra.rules import Component
from infra.settings import Settings, load_settings
from infra.synthesis import OUTPUT, ROOT

__all__ = ["announcement", "clear_logs", "empty"]


def announcement(component: Component, connection: Connection, settings: Settings) -> list[str]:
    """What a person is told before anything is deleted: what goes, what stays, and what that costs."""
    lines = [f"{connection.where} will be deleted."]
    buckets = own_buckets(component, connection)
    if not settings.stage.keep_data:
        lines.append(
            f"keep_data = false in {settings.name}.toml: so its data will be, all versions of all objects:"
        )
        lines += [f"  bucket {name}" for name in buckets]
        lines.append("The key is scheduled for deletion in 30 days, which is free.")
    else:
        stays = kept(component, connection, load_prices())
        known = sum(one.dollars or 0 for one in stays)
        lines.append(f"keep_data = true in {settings.name}.toml, so these stay and go on costing:")
        lines += [f"  {one}" for one in stays]
        lines.append(f"  together at least {known:.2f} dollars a month, as long as nobody deletes them")
        lines.append(
            "They are in the way of a second stage of this name; delete them before, or name it otherwise."
        )
    lines.append(
        "The images stay in the repository of the CDK, for other stages may use them: `cdk gc` clears it up."
    )
    return lines


def empty(connection: Connection, buckets: Iterable[str]) -> dict[str, int]:
    """Delete every version of every object of some buckets.

    Returns:
        how many versions and delete markers each held; a bucket that is not there is left out.

    Raises:
        OcrError: S3 refuses it.
    """
    s3 = connection.client("s3")
    deleted: dict[str, int] = {}
    with connection.translated():
        there = [name for name in buckets if bucket_exists(s3, name)]
        for name in there:  # else each deletion would write another line into the bucket of access logs
            s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
        for name in there:
            deleted[name] = _delete_versions(s3, name)
    return deleted


def clear_logs(connection: Connection, names: Iterable[str]) -> list[str]:
    """Delete log groups that containers wrote once more while they ended; returns those that were there."""
    logs, found = connection.client("logs"), []
    with connection.translated():
        for name in names:
            groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            if any(group["logGroupName"] == name for group in groups):
                logs.delete_log_group(logGroupName=name)
                found.append(name)
    return found


def _delete_versions(s3: Any, name: str) -> int:  # noqa: ANN401 - boto3 makes its classes at run time
    """Page after page from the beginning: what a page was continued from is gone."""
    number = 0
    while True:
        page = s3.list_object_versions(Bucket=name)
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not found:
            return number
        keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        if refused := answer.get("Errors"):
            raise ConfigurationError(
                f"{name}: {len(refused)} objects were not deleted, the first with {refused[0]['Code']}: "
                "look at the bucket's policy and locks, and run it again"
            )
        number += len(keys)


def _ask(lines: Sequence[str], stage: str, *, yes: bool) -> None:
    """Raises RequestError where nobody says yes."""
    print("\n".join(lines), flush=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise RequestError("there is no terminal to ask on: `make destroy STAGE=… YES=1` asks nothing")
    if input(f"Type the name of the stage to go on [{stage}]: ").strip() != stage:
        raise RequestError("nothing was deleted")


def main() -> int:
    """Do one step for one stage."""
    step, stage, *options = sys.argv[1:]
    try:
        settings = load_settings(stage, dockerfile=ROOT / "endpoints" / "Dockerfile")
        component, connection = Component.read(OUTPUT / stage), connect(stage)
        match step:
            case "ask":
                _ask(announcement(component, connection, settings), stage, yes="--yes" in options)
            case "empty" if not settings.stage.keep_data:
                for name, number in empty(connection, own_buckets(component, connection)).items():
                    print(f"{name}: {number} versions deleted")
            case "rest" if not settings.stage.keep_data:
                for name in clear_logs(
                    connection, [group.name for group in component.of("AWS::Logs::LogGroup")]
                ):
                    print(f"{name}: deleted")
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, RequestError) else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
