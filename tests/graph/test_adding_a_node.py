"""The page on adding a node is followed: the node of its block runs beside a launched stack."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros
SOURCED = ("AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
PAGE = Path(__file__).parents[2] / "docs" / "adding_a_node.md"


@pytest.mark.alone
def test_the_node_of_the_page_hears_the_run(launch, domain, listener, tmp_path):
    (block,) = re.findall(r"```python\n# odometer.py\n(.*?)```", PAGE.read_text(), re.DOTALL)
    node = tmp_path / "odometer.py"
    node.write_text(block)
    # As a stranger has it, who has sourced nothing.
    environment = {name: value for name, value in os.environ.items() if name not in SOURCED}
    environment["ROS_DOMAIN_ID"] = str(domain)
    command = [sys.executable, str(node)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as odometer:
        # On a busy machine a run may be half over before Python has loaded what a node needs.
        listener.spin_until(lambda: "odometer" in listener.get_node_names(), timeout=60)
        graph = launch("mode:=realtime", "rtf:=20", "episodes:=2", "policy:=hiro_ant_maze", file="policy.launch.py")
        code, output = graph.wait()
        assert code == 0, output
        odometer.terminate()
        said, _ = odometer.communicate(timeout=20)
    ways = [float(way) for way in re.findall(r"^episode \d+: ([\d.]+) m$", said, re.MULTILINE)]
    assert len(ways) == 2, said
    # From the start to behind the wall is 16 m and more.
    assert min(ways) > 10.0
