"""What the component consists of in AWS, as data: the local cloud and the CDK app make it from here."""

from topology.model import Topology, load_topology
from topology.names import Names

__all__ = ["Names", "Topology", "load_topology"]
