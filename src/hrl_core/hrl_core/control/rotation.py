"""Rotations by quaternion (w, x, y, z)."""

import numpy as np

from hrl_core.messages import Vector


def rotated(quaternion: Vector, vector: Vector) -> Vector:
    """``vector`` of the child frame in the parent frame; ``quaternion`` of any length but 0."""
    w, axis = quaternion[0], quaternion[1:]
    twice = 2.0 * np.cross(axis, vector) / quaternion.dot(quaternion)
    return vector + w * twice + np.cross(axis, twice)


def inverse(quaternion: Vector) -> Vector:
    """The opposite rotation."""
    return quaternion * (1.0, -1.0, -1.0, -1.0)
