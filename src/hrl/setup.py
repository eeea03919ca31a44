"""Install script of hrl."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

package_name = "hrl"


def policy_files() -> list[tuple[str, list[str]]]:
    """List the files of every shipped policy, one entry for each of their folders."""
    # A tree has a folder for each node.
    folders = sorted(path for path in Path("policies").rglob("*") if path.is_dir())
    return [
        (f"share/{package_name}/{folder}", [str(path) for path in sorted(folder.iterdir()) if path.is_file()])
        for folder in folders
    ]


setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed", "graphs/*.xml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
        (f"share/{package_name}/launch", sorted(glob("launch/*.launch.py"))),
        (f"share/{package_name}/config", sorted(glob("config/*.yaml"))),
        (f"share/{package_name}/config/sros2", sorted(glob("config/sros2/*.xml"))),
        (f"share/{package_name}/rviz", sorted(glob("rviz/*.rviz"))),
        *policy_files(),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="hrl maintainers",
    maintainer_email="hrl-maintainers@example.org",
    description="Launch files, configuration and command line of the stack.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "hrl = hrl.cli:main",
        ],
    },
)
