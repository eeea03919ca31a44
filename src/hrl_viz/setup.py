"""Install script of hrl_viz."""

from setuptools import find_packages, setup

package_name = "hrl_viz"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="hrl maintainers",
    maintainer_email="hrl-maintainers@example.org",
    description="Markers for rviz, web viewer, player of bags.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "markers = hrl_viz.markers_node:main",
            "viewer = hrl_viz.viewer_node:main",
            "player = hrl_viz.player_node:main",
        ],
    },
)
