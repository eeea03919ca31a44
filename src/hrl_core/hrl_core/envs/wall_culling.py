"""Leaves walls out of the collision test while the robot cannot reach them: the same contacts, the same bits, sooner.

MuJoCo culls pairs of geoms by their bounding spheres, and the sphere of an 8 x 8 x 4 m block reaches 2 m beyond it:
in a corridor every leg is tested against half a dozen blocks, a seventh of a step's time.
"""

import mujoco
import numpy as np
import numpy.typing as npt

_REACH = 4.5
"""Distance [m] from the middle of the torso's 1 m square within which a wall is tested: 0.7 to the torso, 1.5 of leg,
and the way of one step at more than twice ``_FASTEST``."""
_FASTEST = 10.0
"""Speed of the torso [m/s] from which on every wall is tested; a running ant makes 5."""
_FAR = 1e6


class WallCulling:
    """Switches the walls of one model on and off; for robots that alone can touch the walls."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the geoms named ``wall_K``.

        Args:
            model: its walls' ``geom_conaffinity`` is overwritten by ``update``.
        """
        self._affinity = model.geom_conaffinity
        self._walls = np.array([i for i in range(model.ngeom) if model.geom(i).name.startswith("wall_")], dtype=int)
        self._centres = model.geom_pos[self._walls, :2].copy()
        self._half_sizes = model.geom_size[self._walls, :2].copy()
        self._masks: dict[tuple[int, int] | None, npt.NDArray[np.int32]] = {None: self._affinity[self._walls].copy()}
        self._square: tuple[int, int] | None = None

    def update(self, qpos: npt.NDArray[np.float64], qvel: npt.NDArray[np.float64]) -> None:
        """Test only the walls that a torso at ``qpos`` [m] with ``qvel`` [m/s] can touch within 0.1 s."""
        x, y = qpos.item(0), qpos.item(1)
        slow = abs(qvel.item(0)) < _FASTEST and abs(qvel.item(1)) < _FASTEST
        # Comparisons with NaN are false: a broken state gets every wall.
        square = (round(x), round(y)) if slow and abs(x) < _FAR and abs(y) < _FAR else None
        if square == self._square:
            return
        mask = self._masks.get(square)
        if mask is None:
            mask = self._masks[square] = self._near(square)
        self._affinity[self._walls] = mask
        self._square = square

    def _near(self, square: tuple[int, int] | None) -> npt.NDArray[np.int32]:
        gap = np.maximum(np.abs(self._centres - np.array(square)) - self._half_sizes, 0.0)
        return np.where(np.linalg.norm(gap, axis=1) < _REACH, self._masks[None], 0).astype(np.int32)
