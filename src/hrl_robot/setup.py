"""Install script of hrl_robot."""

from setuptools import find_packages, setup

package_name = "hrl_robot"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed", "robots/*.yaml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="hrl maintainers",
    maintainer_email="hrl-maintainers@example.org",
    description="Bridge to a ros2_control robot, its supervisor, and a fake robot to test them with.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "bridge = hrl_robot.bridge_node:main",
            "fake_robot = hrl_robot.fake_robot_node:main",
            "supervisor = hrl_robot.supervisor_node:main",
        ],
    },
)
