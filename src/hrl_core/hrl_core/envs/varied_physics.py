"""A MuJoCo model with another friction and other masses, episode by episode."""

import mujoco

from hrl_core.envs.abilities import Simulation


class VariedPhysics:
    """Multiplies a model's own frictions, masses and inertias; always from what they were at first."""

    def __init__(self, simulation: Simulation) -> None:
        """Remember what they are."""
        self._model = model = simulation.model
        # What follows from the masses is computed at the model's reference position, of which the data know nothing.
        self._scratch = mujoco.MjData(model)
        self._friction = model.geom_friction.copy(), model.pair_friction.copy()
        self._mass = model.body_mass.copy(), model.body_inertia.copy()

    def set_friction(self, factor: float) -> None:
        """Let all that touches have ``factor`` times its friction: sliding, torsional and rolling."""
        for now, own in zip((self._model.geom_friction, self._model.pair_friction), self._friction, strict=True):
            now[:] = own * factor

    def set_mass(self, factor: float) -> None:
        """Let all bodies have ``factor`` times their mass and inertia."""
        for now, own in zip((self._model.body_mass, self._model.body_inertia), self._mass, strict=True):
            now[:] = own * factor
        mujoco.mj_setConst(self._model, self._scratch)


def has_contacts(model: mujoco.MjModel) -> bool:
    """Whether anything in a model can touch anything."""
    return bool(model.npair or (model.geom_contype.any() and model.geom_conaffinity.any()))
