"""`python -m local_aws component.toml`: starts a component on a local AWS and stays until interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from local_aws import Component, LocalAws, LocalAwsError, Settings
from local_aws.account import REGION


def main() -> int:
    """Start what the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local_aws", description="Run a component on a local AWS."
    )
    parser.add_argument("component", type=Path, help="a TOML file, see local_aws/README.md")
    parser.add_argument("--port", type=int, default=4566, help="where AWS answers (%(default)s; 0 is any)")
    parser.add_argument("--logs", type=Path, help="a folder for the logs of functions and containers")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with LocalAws(Component.load(options.component), Settings(options.port, options.logs)) as aws:
            aws.wait_in_service()
            print(f"export AWS_ENDPOINT_URL={aws.endpoint_url} AWS_DEFAULT_REGION={REGION}")
            print("export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local", flush=True)
            print(f"a page for people: {aws.endpoint_url}/", file=sys.stderr)
            signal.pause()
    except LocalAwsError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
