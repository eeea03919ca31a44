"""Install script of hrl_training."""

from setuptools import find_packages, setup

package_name = "hrl_training"

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
    description="Recorder, relabeler and trainer nodes.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "recorder = hrl_training.recorder_node:main",
            "relabeler = hrl_training.relabeler_node:main",
            "dashboard = hrl_training.dashboard_node:main",
            "trainer = hrl_training.trainer_node:main",
        ],
    },
)
