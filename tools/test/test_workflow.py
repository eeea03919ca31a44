"""The workflow for a real ROS machine, as far as it can be checked without one."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from hrl.cli import COMMANDS
from hrl.graphs.argument_table import parse_arguments
from hrl.graphs.arguments import LaunchArguments

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = REPOSITORY / ".github" / "workflows" / "ros.yml"
STEPS = [step for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["jazzy"]["steps"] if "run" in step]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])
def test_a_step_is_bash_and_names_what_exists(step):
    script = step["run"]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^ *make ([a-z-]+)", script, re.MULTILINE):
        assert f"\n{target}:" in makefile
    for path in re.findall(r"(?<![\w./])(?:src|tools|tests)(?:/[\w./-]+)?", script):
        assert (REPOSITORY / path).exists(), path
    for command in re.findall(r"\.venv/bin/hrl (\w+)", script):
        assert command in COMMANDS
    for file, words in re.findall(r"ros2 launch hrl (\S+)(.*)", script):
        assert (REPOSITORY / "launch" / file).is_file()
        parse_arguments(words.split(), LaunchArguments)


def test_it_is_run_on_what_the_readme_promises():
    scripts = "\n".join(step["run"] for step in STEPS)
    for command in ("colcon build", "ros2 launch hrl", "ros2 bag play", "rviz2", "rosdep install"):
        assert command in scripts
