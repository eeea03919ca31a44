"""The set-up knows when to work again, what is missing, and what an interrupted run left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hrl_setup import host
from hrl_setup.build_stage import BuildStage, forget_package
from hrl_setup.errors import SetupError
from hrl_setup.lock import SetupLock
from hrl_setup.product import Product, content_hash, remove_tree
from hrl_setup.progress import CommandRunner
from hrl_setup.venv_stage import VenvStage, correct_cmake_paths


class FakeRunner(CommandRunner):
    """Records the commands instead of running them; one that makes an environment makes its Python."""

    def __init__(self, fails=False):
        self.commands = []
        self._fails = fails

    def run(self, label, command, log, environment):
        self.commands.append([str(word) for word in command])
        if self._fails:
            raise SetupError(label)
        if "venv" in command:
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.touch()
            Path(command[-1], "lib", "python3.11", "site-packages").mkdir(parents=True)


@pytest.fixture
def workspace(tmp_path):
    for name in (
        "requirements.txt",
        "requirements-robot.txt",
        "requirements-build.txt",
        "requirements-dev.txt",
        "requirements-export.txt",
        "requirements-cluster.txt",
        "requirements-ros.txt",
        "constraints.txt",
    ):
        (tmp_path / name).write_text("numpy\n")
    (tmp_path / "colcon.meta").write_text("{}")
    for name in ("hrl_msgs", "hrl_core"):
        package = tmp_path / "src" / name
        (package / "test").mkdir(parents=True)
        (package / "package.xml").write_text("<package/>")
        (package / "module.py").write_text("x = 1\n")
    return tmp_path


def run_venv_stage(workspace):
    # With a sourced distribution: the paths of the wheels need no correction.
    runner = FakeRunner()
    stage = VenvStage(workspace, "jazzy")
    stage.run(runner)
    return stage, [command[2] for command in runner.commands]


def run_build_stage(workspace):
    runner = FakeRunner()
    stage, _ = run_venv_stage(workspace)
    BuildStage(workspace, stage).run(runner)
    (command,) = runner.commands or [["--packages-select"]]
    return command[command.index("--packages-select") + 1 :]


def packages_of(arguments):
    return arguments[: arguments.index("--cmake-args")] if arguments else []


def test_content_hash_changes_with_a_name_or_a_content(tmp_path):
    file = tmp_path / "a"
    file.write_text("1")
    first = content_hash([file], tmp_path)
    assert content_hash([file], tmp_path) == first
    file.write_text("2")
    second = content_hash([file], tmp_path)
    moved = file.rename(tmp_path / "b")
    assert len({first, second, content_hash([moved], tmp_path)}) == 3


def test_missing_tool_is_named_with_its_debian_package(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)

    def find(command):
        return None if command in ("c++", "g++", "clang++", "cmake") else command

    with pytest.raises(SetupError) as caught:
        host.check_tools(find)
    message = str(caught.value)
    assert "C++ compiler: Debian package g++" in message
    assert "cmake: Debian package cmake" in message
    assert "Debian package make" not in message


def test_compiler_named_by_the_environment_has_to_exist(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    with pytest.raises(SetupError, match=r"C\+\+ compiler: Debian package g\+\+"):
        host.check_tools(lambda command: None if command == "no-such-compiler" else command)


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0)])
def test_unsupported_python_is_refused(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SetupError, match=r"3\.10 to 3\.13"):
        host.check_machine()


def test_no_ros_is_sourced_without_its_variable(monkeypatch):
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    assert host.sourced_ros() == ""


def test_sourced_ros_whose_rclpy_does_not_import_is_refused(monkeypatch, tmp_path):
    (tmp_path / "rclpy.py").write_text("raise ImportError('wrong Python')")
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SetupError, match="wrong Python"):
        host.sourced_ros()


def test_header_paths_of_the_build_machine_are_replaced(tmp_path):
    file = tmp_path / "std_msgs" / "cmake" / "export.cmake"
    file.parent.mkdir(parents=True)
    python = "/opt/python/cp312-cp312/include/python3.12"
    numpy = "/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include"
    file.write_text(f'set_target_properties(x INCLUDES "{python};{numpy};${{_IMPORT_PREFIX}}/include")\n')
    assert correct_cmake_paths(tmp_path, "/usr/include/python", "/venv/numpy") == 1
    expected = 'set_target_properties(x INCLUDES "/usr/include/python;/venv/numpy;${_IMPORT_PREFIX}/include")\n'
    assert file.read_text() == expected
    assert correct_cmake_paths(tmp_path, "/usr/include/python", "/venv/numpy") == 0


def test_finished_product_keeps_its_stamp_and_an_interrupted_one_has_none(tmp_path):
    product = Product(tmp_path / "product")
    product.begin()
    assert product.is_interrupted and product.stamp() is None
    product.finish({"inputs": "1"})
    assert not product.is_interrupted and product.stamp() == {"inputs": "1"}
    product.begin()
    assert product.is_interrupted and product.stamp() is None


def test_removal_also_clears_what_an_interrupted_removal_left(tmp_path):
    folder, rest = tmp_path / "build", tmp_path / "build.removed"
    for path in (folder, rest):
        path.mkdir()
        (path / "file").touch()
    remove_tree(folder)
    remove_tree(folder)
    assert list(tmp_path.iterdir()) == []


def test_venv_is_made_once_and_updated_when_a_requirement_changes(workspace):
    assert run_venv_stage(workspace)[1] == ["venv", "pip", "pip"]
    assert run_venv_stage(workspace)[1] == []
    (workspace / "requirements.txt").write_text("numpy\nrich\n")
    assert run_venv_stage(workspace)[1] == ["pip", "pip"]
    (workspace / "requirements-ros.txt").write_text("not used where ROS 2 is sourced\n")
    assert run_venv_stage(workspace)[1] == []


def test_interrupted_venv_is_removed(workspace):
    stage, _ = run_venv_stage(workspace)
    (stage.folder / "left_over").touch()
    Product(stage.folder).begin()
    assert run_venv_stage(workspace)[1] == ["venv", "pip", "pip"]
    assert not (stage.folder / "left_over").exists()


def test_failed_venv_counts_as_interrupted(workspace):
    stage = VenvStage(workspace, "jazzy")
    with pytest.raises(SetupError):
        stage.run(FakeRunner(fails=True))
    assert Product(stage.folder).is_interrupted


def test_venv_of_another_folder_is_made_again(workspace):
    stage, _ = run_venv_stage(workspace)
    elsewhere = workspace / "elsewhere"
    elsewhere.mkdir()
    for file in workspace.glob("*.txt"):
        (elsewhere / file.name).write_text(file.read_text())
    stage.folder.rename(elsewhere / ".venv")
    assert run_venv_stage(elsewhere)[1] == ["venv", "pip", "pip"]


def test_venv_of_someone_else_is_left_alone(workspace):
    (workspace / ".venv").mkdir()
    with pytest.raises(SetupError, match="not made by this set-up"):
        run_venv_stage(workspace)
    assert (workspace / ".venv").exists()


def test_only_changed_packages_are_built(workspace):
    assert packages_of(run_build_stage(workspace)) == ["hrl_core", "hrl_msgs"]
    assert run_build_stage(workspace) == []
    (workspace / "src" / "hrl_core" / "module.py").write_text("x = 2\n")
    assert packages_of(run_build_stage(workspace)) == ["hrl_core"]
    (workspace / "src" / "hrl_core" / "test" / "test_module.py").write_text("not installed\n")
    assert run_build_stage(workspace) == []


def test_changed_messages_build_everything_from_nothing(workspace):
    run_build_stage(workspace)
    (workspace / "install" / "left_over").touch()
    (workspace / "src" / "hrl_msgs" / "new.msg").write_text("bool x\n")
    assert packages_of(run_build_stage(workspace)) == ["hrl_core", "hrl_msgs"]
    assert not (workspace / "install" / "left_over").exists()


def test_interrupted_build_starts_from_nothing(workspace):
    run_build_stage(workspace)
    for name in ("build", "install"):
        (workspace / name).mkdir(exist_ok=True)
        (workspace / name / "left_over").touch()
    Product(workspace / "install").begin()
    assert packages_of(run_build_stage(workspace)) == ["hrl_core", "hrl_msgs"]
    assert not list(workspace.glob("*/left_over"))


def test_files_of_a_removed_module_are_forgotten(tmp_path):
    build, installed = tmp_path / "build", tmp_path / "module.py"
    (build / "build" / "lib").mkdir(parents=True)
    installed.touch()
    (build / "install.log").write_text(f"{installed}\n{tmp_path / 'gone.py'}\n{tmp_path}\n")
    forget_package(build)
    assert not installed.exists() and not (build / "build").exists()


def test_failed_command_shows_the_end_of_its_log(tmp_path):
    with SetupLock(tmp_path / "lock") as lock, pytest.raises(SetupError, match="exit code 3") as caught:
        command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
        CommandRunner(tmp_path, lock).run("stage", command, tmp_path / "log", os.environ)
    assert "the reason" in str(caught.value)


def test_lock_ends_the_command_of_a_killed_set_up(tmp_path, capsys):
    path = tmp_path / "lock"
    # A command that inherited the lock of a set-up whose process is gone.
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with SetupLock(path) as lock:
        orphan = subprocess.Popen(["sleep", "60"], start_new_session=True, pass_fds=[lock.fileno()])
    path.write_text(f"{dead.pid} {orphan.pid}\n")
    with SetupLock(path):
        assert "killed set-up" in capsys.readouterr().out
    assert orphan.wait(timeout=5) < 0


def test_a_machine_gets_what_its_role_needs(workspace):
    def installed(role):
        runner = FakeRunner()
        VenvStage(workspace, "jazzy", role).run(runner)
        (*_, last) = runner.commands
        return {Path(word).name for word in last if "requirements" in word}

    assert installed("robot") == {"requirements-robot.txt", "requirements-build.txt"}
    assert installed("learner") == {*installed("robot"), "requirements.txt", "requirements-cluster.txt"}
    assert installed("") > installed("learner")
    with pytest.raises(SetupError, match="HRL_ROLE=boat: choose robot or learner"):
        VenvStage(workspace, "jazzy", "boat")
