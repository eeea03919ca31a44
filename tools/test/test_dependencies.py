"""What a package imports it declares: to rosdep in its package.xml, to pip in the requirement files.

rosdep's keys are those of rosdistro's rosdep/python.yaml and of ROS 2 Jazzy's packages, where they were looked up.
"""

import ast
import functools
import re
import sys
from importlib.metadata import requires
from pathlib import Path
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in REPOSITORY.glob("src/*/package.xml"))
PIP_KEYS = {
    "PIL": "python3-pil",
    "h5py": "python3-h5py",
    "gymnasium": "python3-gymnasium-pip",
    "hypothesis": "python3-hypothesis",
    "imageio": "python3-imageio",
    "matplotlib": "python3-matplotlib",
    "mcap_ros2": "mcap-ros2-support",
    "mujoco": "python3-mujoco-pip",
    "numpy": "python3-numpy",
    "packaging": "python3-packaging",
    "psutil": "python3-psutil",
    "pytest": "python3-pytest",
    "rich": "python3-rich",
    "rosbags": "python3-rosbags-pip",
    "sqlalchemy": "python3-sqlalchemy",
    "torch": "python3-torch",
    "trimesh": "python3-trimesh-pip",
    "websockets": "python3-websockets",
    "yaml": "python3-yaml",
}
"""Import name -> key; what is in neither table is a ROS package, whose key is its name."""
NO_KEY = {
    *("fsspec", "lz4", "mcap", "minari", "pyarrow", "ray", "s3fs", "safetensors", "threadpoolctl"),
    *("tyro", "viser", "zstandard"),
}
"""Known to pip alone: the requirement files bring them."""
DISTRIBUTIONS = {"PIL": "pillow", "mcap_ros2": "mcap-ros2-support", "yaml": "pyyaml"}
"""Where the index has another name than `import`."""
_KITCHEN = ("kitchen_model.py", "demonstrations/kitchen.py", "demonstrations/kitchen_arm.py")
OPTIONAL = {"hrl_core": ("envs", "exports", "imports", *_KITCHEN)}
"""Folders and modules of a package that it works without: a dependency of its tests, and of who imports them."""
TOOLS = {path.stem for path in (REPOSITORY / "tools").glob("*.py")}
"""What tests share with the commands of the repository."""
NOT_OURS_TO_DECLARE = {"farama_notifications", "lerobot"}
"""Silenced where it is there; compared with where it is there."""


def imports(*places: Path) -> set[str]:
    """Modules that Python files, or those below folders, import, wherever in the file."""
    files = [file for place in places for file in ([place] if place.suffix == ".py" else place.rglob("*.py"))]
    return {module for file in files for module in imports_of(file)}


@functools.cache
def imports_of(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module and not n.level}


def foreign(modules: set[str], package: str) -> set[str]:
    roots = {module.partition(".")[0] for module in modules}
    return roots - sys.stdlib_module_names - {package} - TOOLS - NOT_OURS_TO_DECLARE


def used(package: Path) -> tuple[set[str], set[str]]:
    """Import names at run time and in tests, without the package's own and those of Python."""
    name = package.name
    optional = [package / name / part for part in OPTIONAL.get(name, ())]
    own = (path for path in (package / name).rglob("*.py") if not any(path.is_relative_to(part) for part in optional))
    run = imports(package / "launch", *own)
    for owner in set(OPTIONAL) - {name}:
        wanted = [part for part in OPTIONAL[owner] if any(module.startswith(f"{owner}.{part}") for module in run)]
        run |= imports(*(REPOSITORY / "src" / owner / owner / part for part in wanted))
    return foreign(run, name), foreign(imports(package / "test", *optional), name)


def name_of(requirement: str) -> str:
    return requirement[: re.search(r"[^\w.-]|$", requirement).start()].lower()  # pyright: ignore[reportOptionalMemberAccess]


def keys(roots: set[str]) -> set[str]:
    return {PIP_KEYS.get(root, root) for root in roots - NO_KEY}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_what_a_package_imports_is_in_its_package_xml(package):
    declared = [(e.tag, e.text) for e in ElementTree.parse(package / "package.xml").getroot()]
    at_run_time = {key for tag, key in declared if tag in ("depend", "exec_depend")}
    in_tests = {key for tag, key in declared if tag == "test_depend"}
    run, test = used(package)
    assert keys(run) - at_run_time == set(), "missing as exec_depend"
    assert keys(test) - at_run_time - in_tests == set(), "missing as test_depend"
    assert not in_tests & at_run_time, "declared twice"


def test_what_is_imported_from_the_index_is_in_a_requirement_file():
    lines = [line for path in REPOSITORY.glob("requirements*.txt") for line in path.read_text().splitlines()]
    required = {name_of(line) for line in lines}
    roots = {root for package in PACKAGES for part in used(package) for root in part} & (set(PIP_KEYS) | NO_KEY)
    # What a requirement needs for itself comes with it.
    brought = {name_of(line) for name in required & {"mcap", "viser"} for line in requires(name) or ()}
    assert {DISTRIBUTIONS.get(root, root) for root in roots} - required - brought == set()
