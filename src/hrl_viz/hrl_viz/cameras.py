"""Where the browsers' cameras are: a first view of the whole scene, and one that follows the robot."""

import numpy as np
import numpy.typing as npt
import viser

Vector3 = npt.NDArray[np.float64]
ELEVATION = np.deg2rad(52.0)
_SPREAD = 0.95
"""Distance of the first view as a multiple of the scene's width."""
_NEAREST = 2.0
"""Distance of the first view, at least [m]."""
_SUN = (-0.4, -0.6, 1.0)


class Cameras:
    """Lights the scene and moves the cameras of all browsers."""

    def __init__(self, server: viser.ViserServer) -> None:
        """Look from the south, with z up."""
        self._server = server
        scene = server.scene
        scene.set_up_direction("+z")
        # The default lights bleach every colour.
        scene.configure_environment_map(None)
        scene.configure_default_lights(False)
        scene.add_light_ambient("/light/sky", intensity=1.6)
        scene.add_light_directional("/light/sun", intensity=2.2, position=_SUN)

    def look_at_scene(self, low: Vector3, high: Vector3) -> None:
        """Show everything between two corners [m] to who comes, and to who is there already."""
        middle = (low + high) / 2
        distance = max(_SPREAD * float(np.max((high - low)[:2])), _NEAREST)
        offset = _offset(distance)
        initial = self._server.initial_camera
        initial.look_at, initial.position = tuple(middle), tuple(middle + offset)
        initial.far = 20 * distance
        for client in self._server.get_clients().values():
            client.camera.position, client.camera.look_at = middle + offset, middle

    def follow(self, robot: Vector3, following: bool, distance: float) -> None:
        """Turn every camera to the robot from where it looks at it; who turns or zooms keeps that view.

        Args:
            robot: where it is [m].
            following: whether that is wanted.
            distance: from which who comes now looks at it [m].
        """
        if not following:
            return
        initial = self._server.initial_camera
        initial.look_at, initial.position = tuple(robot), tuple(robot + _offset(distance))
        for client in self._server.get_clients().values():
            try:
                # Of what the browser told last, which may be long ago, only the direction and distance of its look.
                offset = client.camera.position - client.camera.look_at
            except AssertionError:
                # The browser has not told its camera yet.
                continue
            client.camera.position, client.camera.look_at = robot + offset, robot

    def centre(self, robot: Vector3, distance: float) -> None:
        """Turn to the robot, from ``distance`` [m]."""
        offset = _offset(distance)
        for client in self._server.get_clients().values():
            client.camera.position, client.camera.look_at = robot + offset, robot


def _offset(distance: float) -> Vector3:
    """From what is looked at to the camera [m]."""
    return distance * np.array((0.0, -np.cos(ELEVATION), np.sin(ELEVATION)))
