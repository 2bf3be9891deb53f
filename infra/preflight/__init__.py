"""What an account or this machine would refuse of a deployment, found out before it costs anything."""

from infra.preflight.check import Check
from infra.preflight.run import checks

__all__ = ["Check", "checks"]
