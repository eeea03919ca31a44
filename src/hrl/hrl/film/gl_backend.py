"""Which OpenGL renders without a screen here: EGL (GPU or not) or OSMesa (software)."""

import os
import subprocess
import sys

from hrl_core.errors import HrlError

_VARIABLE = "MUJOCO_GL"
BACKENDS = ("egl", "osmesa")
_PROBE = "import mujoco; mujoco.GLContext(16, 16).make_current()"


def choose_backend() -> str:
    """Set ``MUJOCO_GL`` to the first backend that works; call it before MuJoCo is imported.

    Raises:
        HrlError: none works; the message says what to install.
    """
    wanted = os.environ.get(_VARIABLE, "")
    for backend in (wanted,) if wanted else BACKENDS:
        if backend_works(backend):
            os.environ[_VARIABLE] = backend
            return backend
    tried = wanted or " and ".join(BACKENDS)
    raise HrlError(
        f"nothing here can render without a screen (tried {tried}); install EGL (Debian: apt install libegl1 "
        "libgl1-mesa-dri) or OSMesa (Debian: apt install libosmesa6), or set MUJOCO_GL to a backend that works"
    )


def backend_works(backend: str) -> bool:
    """Try it in a process of its own: a failed context cannot be undone."""
    environment = {**os.environ, _VARIABLE: backend}
    command = [sys.executable, "-c", _PROBE]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
