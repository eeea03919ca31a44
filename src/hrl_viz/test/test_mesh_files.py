"""Meshes as files: the model's own surface, in its place, and nobody is made to read another file."""

import mujoco
import numpy as np
import pytest
import trimesh
import viser
from visualization_msgs.msg import Marker, MarkerArray

from hrl_core.task.text import load_task
from hrl_viz import mesh_files
from hrl_viz.drawing import Drawing
from hrl_viz.marker_messages import MarkerStream
from hrl_viz.mesh_files import MOST_FACES, MeshFiles, load, simplified
from hrl_viz.scene_model import ROBOT, SceneModel
from hrl_viz.shapes import ShapeKind


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hrl" / "meshes"


@pytest.fixture
def arm(folder):
    """The scene of a task whose robot is made of meshes."""
    return SceneModel(load_task("fetch_push"), mesh_files=True)


def matrix(quaternion):
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, np.array(quaternion))
    return flat.reshape(3, 3)


def test_a_mesh_lies_where_the_model_has_it(arm):
    """Seen from the world, whatever is drawn is near a vertex of the model, and nothing large is lacking."""
    model, seen = arm.model, 0
    shapes = iter([shape for shape in arm.robot_shapes() if shape.kind == ShapeKind.MESH])
    for g in arm._moving:
        if model.geom_type[g] != mujoco.mjtGeom.mjGEOM_MESH:
            continue
        shape = next(shapes)
        mesh = load(shape.mesh)
        assert mesh is not None
        assert len(mesh.faces) <= MOST_FACES
        begin, count = model.mesh_vertadr[model.geom_dataid[g]], model.mesh_vertnum[model.geom_dataid[g]]
        own = model.mesh_vert[begin : begin + count] @ arm.data.geom_xmat[g].reshape(3, 3).T + arm.data.geom_xpos[g]
        drawn = mesh.vertices @ matrix(shape.orientation).T + np.array(shape.position)
        size = float(np.ptp(own, axis=0).max())
        away = [np.linalg.norm(own - vertex, axis=1).min() for vertex in drawn[::10]]
        assert max(away) < size / 20
        np.testing.assert_allclose([drawn.min(0), drawn.max(0)], [own.min(0), own.max(0)], atol=0.05)
        seen += 1
    assert seen > 10


def test_files_are_written_once_and_named_after_what_is_in_them(arm, folder):
    uris = {shape.mesh for shape in arm.robot_shapes() if shape.kind == ShapeKind.MESH}
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert uris == {path.as_uri() for path in written}
    again = SceneModel(load_task("fetch_push"), mesh_files=True)
    assert {shape.mesh for shape in again.robot_shapes() if shape.kind == ShapeKind.MESH} == uris
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written


def test_where_no_file_can_be_written_there_are_boxes(folder):
    folder.parent.mkdir()
    folder.write_text("in the way")
    kinds = {shape.kind for shape in SceneModel(load_task("fetch_push"), mesh_files=True).robot_shapes()}
    assert ShapeKind.MESH not in kinds
    assert ShapeKind.CUBE in kinds


@pytest.mark.parametrize("most", [20, 200, 5000])
def test_a_simplified_surface_keeps_its_size_and_no_more_faces_than_are_wanted(most):
    ball = trimesh.creation.icosphere(subdivisions=4)
    vertices, faces = simplified(np.asarray(ball.vertices), np.asarray(ball.faces), most)
    assert len(faces) <= most
    assert len(faces) >= min(most, len(ball.faces)) / 8
    np.testing.assert_allclose(np.ptp(vertices[faces].reshape(-1, 3), axis=0), 2, atol=0.9 if most == 20 else 0.35)


@pytest.fixture
def stranger(folder, tmp_path):
    """A sound mesh, and what else a message might name."""
    folder.mkdir(parents=True)
    good = folder / f"{'a' * 64}.stl"
    trimesh.creation.box().export(good)
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (folder / "own.stl").write_bytes(good.read_bytes())
    (folder / f"{'b' * 64}.stl").symlink_to(good)
    (folder / f"{'c' * 64}.stl").write_text("solid nonsense")
    return good


def test_no_other_file_is_read_for_a_message(stranger, folder, tmp_path, monkeypatch):
    assert load(stranger.as_uri()) is not None
    for name in ("own.stl", f"{'b' * 64}.stl", f"{'d' * 64}.stl", f"../meshes/../{stranger.name}"):
        assert load(f"{folder.as_uri()}/{name}") is None
    for uri in (f"http://localhost{stranger}", f"file://elsewhere{stranger}", "package://hrl/mesh.stl", "", "\0"):
        assert load(uri) is None
    assert load((tmp_path / stranger.name).as_uri()) is None
    monkeypatch.setattr(mesh_files, "_LARGEST", 10)
    assert load(stranger.as_uri()) is None


def test_the_page_shows_a_mesh_and_leaves_out_what_is_none(stranger, folder, monkeypatch):
    tried = []
    monkeypatch.setattr(mesh_files, "load", lambda uri: tried.append(uri) or load(uri))
    server = viser.ViserServer("127.0.0.1", 0, verbose=False)
    try:
        drawing = Drawing(server)
        nonsense = f"{folder.as_uri()}/{'c' * 64}.stl"
        for uri, shown in ((stranger.as_uri(), True), (nonsense, False), ("file:///etc/passwd", False)):
            marker = Marker(ns="robot", id=1, type=Marker.MESH_RESOURCE, mesh_resource=uri)
            marker.scale.x = marker.scale.y = marker.scale.z = marker.color.a = marker.pose.orientation.w = 1.0
            for _ in range(3):
                drawing.apply(MarkerArray(markers=[marker]))
                assert [node.handle is not None for node in drawing._nodes.values()] == [shown]
            assert tried.count(uri) == 1, "a message comes many times a second"
    finally:
        server.stop()


def test_a_message_names_the_mesh_and_carries_no_points(arm):
    shapes = [shape for shape in arm.robot_shapes() if shape.kind == ShapeKind.MESH]
    markers = MarkerStream().update(shapes, "odom", Marker().header.stamp, everything=True).markers
    assert {marker.ns for marker in markers} == {ROBOT}
    assert all(marker.type == Marker.MESH_RESOURCE and marker.mesh_resource for marker in markers)
    assert not any(len(marker.points) for marker in markers)


def test_meshes_of_a_model_are_told_apart(folder, arm):
    files = MeshFiles(arm.model)
    geoms = [g for g in range(arm.model.ngeom) if arm.model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH]
    same = {int(arm.model.geom_dataid[g]): files.uri(g) for g in geoms}
    assert all(files.uri(g) == same[int(arm.model.geom_dataid[g])] for g in geoms)
    assert len(set(same.values())) > len(same) / 2
