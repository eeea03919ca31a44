"""Install script of hrl_cluster."""

from setuptools import find_packages, setup

package_name = "hrl_cluster"

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
    description="Runs, evaluations, relabelling and collectors on many machines.",
    license="Apache-2.0",
)
