"""How the endpoints scale, as data: what AWS is told and what the simulator runs on."""

from autoscaling.policies import Policies, Policy, load_policies

__all__ = ["Policies", "Policy", "load_policies"]
