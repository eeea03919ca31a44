"""Install script of hrl_core."""

from setuptools import find_packages, setup

package_name = "hrl_core"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed", "task/*.yaml", "envs/assets/*", "algorithms/tree/*.yaml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="hrl maintainers",
    maintainer_email="hrl-maintainers@example.org",
    description="Hierarchical reinforcement learning without ROS.",
    license="Apache-2.0",
)
