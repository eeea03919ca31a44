"""Meshes of MuJoCo models as files that rviz and the web viewer load by name.

A message that moves a mesh would have to carry all of it; instead it names an STL file, as visualization_msgs/Marker
has it (MESH_RESOURCE). Files are written once, into a folder of the user's cache, and are named after what is in them.
"""

import hashlib
import io
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mujoco
import numpy as np
import numpy.typing as npt
import trimesh

MOST_FACES = 3000
"""Faces of a mesh as it is drawn."""
_LARGEST = 1_000_000
"""Bytes of a file that is read."""
_NAME = re.compile(r"[0-9a-f]{64}\.stl")
Vertices = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int64]


def folder() -> Path:
    """``hrl/meshes`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "hrl" / "meshes"


class MeshFiles:
    """The meshes of one model."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Write nothing yet."""
        self._model, self._folder = model, folder()
        self._uris: dict[int, str] = {}

    def uri(self, geom: int) -> str:
        """Where the mesh of a geom is to be had, in the geom's frame; empty: it cannot be written."""
        mesh = int(self._model.geom_dataid[geom])
        if mesh not in self._uris:
            try:
                self._uris[mesh] = self._written(mesh).as_uri()
            except OSError:
                self._uris[mesh] = ""
        return self._uris[mesh]

    def _written(self, mesh: int) -> Path:
        model = self._model
        begin, first = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
        vertices = model.mesh_vert[begin : begin + model.mesh_vertnum[mesh]].astype(float)
        faces = model.mesh_face[first : first + model.mesh_facenum[mesh]].astype(np.int64)
        stl = io.BytesIO()
        trimesh.Trimesh(*simplified(vertices, faces, MOST_FACES), process=False).export(stl, file_type="stl")
        data = stl.getvalue()
        path = self._folder / f"{hashlib.sha256(data).hexdigest()}.stl"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Whole or not at all: another run may look for it.
            with tempfile.TemporaryDirectory(dir=self._folder) as part:
                (Path(part) / path.name).write_bytes(data)
                os.replace(Path(part) / path.name, path)
        return path


def simplified(vertices: Vertices, faces: Faces, most: int) -> tuple[Vertices, Faces]:
    """The same surface with at most ``most`` faces: vertices that share a cell of a grid become one, their mean.

    Args:
        vertices: shape (n, 3).
        faces: vertices of each triangle, shape (m, 3).
        most: faces to keep; a grid is chosen whose cells are no larger than need be.
    """
    size, cells = float(np.ptp(vertices, axis=0).max(initial=0.0)), 256
    kept, joined = faces, vertices
    while len(kept) > most:
        grid = np.floor((vertices - vertices.min(axis=0)) / (size / cells)).astype(np.int64)
        _, cell, count = np.unique(grid, axis=0, return_inverse=True, return_counts=True)
        cell = cell.reshape(-1)
        joined = np.stack([np.bincount(cell, vertices[:, k]) for k in range(3)], axis=1) / count[:, None]
        kept = cell[faces]
        flat = (kept[:, 0] == kept[:, 1]) | (kept[:, 1] == kept[:, 2]) | (kept[:, 2] == kept[:, 0])
        kept = kept[~flat]
        cells = cells * 3 // 4
    return joined, kept


def load(uri: str) -> trimesh.Trimesh | None:
    """The mesh of a message, if it is one of ``MeshFiles`` on this machine.

    Whoever can send a message must not have any other file read, nor anything fetched.
    """
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or parts.netloc or path.parent != folder() or not _NAME.fullmatch(path.name):
        return None
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return None
        mesh = trimesh.load_mesh(path, file_type="stl", process=True)
    except (OSError, ValueError):
        return None
    return mesh if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces) else None
