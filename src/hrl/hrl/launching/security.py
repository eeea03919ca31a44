"""DDS security (SROS2): which enclave a node starts in. Policies: ``config/sros2``; how to: docs/security.md."""

from collections.abc import Mapping

from hrl.graphs.graph import NodeDescription

ROOT = "hrl"
"""Topmost part of the enclaves of the stack."""
_ENABLE = "ROS_SECURITY_ENABLE"
_OVERRIDE = "ROS_SECURITY_ENCLAVE_OVERRIDE"


def enclave(node: NodeDescription) -> str:
    """Enclave of a node, ``/hrl/NAMESPACE/NODE``."""
    return "/" + "/".join(part for part in (ROOT, node.namespace, node.name) if part)


def enclave_arguments(node: NodeDescription, environment: Mapping[str, str]) -> list[str]:
    """ROS arguments that put a node into its enclave; none while security is off or one enclave holds everything."""
    if environment.get(_ENABLE, "").lower() != "true" or environment.get(_OVERRIDE):
        return []
    return ["--enclave", enclave(node)]
