"""What the component consists of in AWS, as data: read by the local cloud, the CDK app and the clients alike."""

from topology.model import Topology, load_topology
from topology.names import Names

__all__ = ["Names", "Topology", "load_topology"]
