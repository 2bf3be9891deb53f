"""What the component consists of in AWS, as data: the local cloud and the CDK app make it from here."""

from hybrid_ocr.contracts.names import Names
from topology.model import Topology, load_topology

__all__ = ["Names", "Topology", "load_topology"]
