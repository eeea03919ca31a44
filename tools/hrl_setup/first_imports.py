"""A program for the environment's Python: import every module of the workspace once, so that what is compiled is kept.

Of what pip installs a tenth is ever imported; compiling all of it would take as long as installing it. Nor can it be
left to the first run: where PYTHONDONTWRITEBYTECODE is set, every process would compile everything again.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

PACKAGES = sorted(file.parent.name for file in Path(__file__).parents[2].glob("src/*/package.xml"))
TOOLS = "pytest", "hypothesis.strategies", "xdist.plugin"


def main() -> None:
    """Import what there is; a module that needs something optional is left out and named."""
    sys.dont_write_bytecode = False
    names = list(TOOLS)
    for package in PACKAGES:
        folders = importlib.import_module(package).__path__
        names += [module.name for module in pkgutil.walk_packages(folders, f"{package}.")]
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"{name}: {error}")


if __name__ == "__main__":
    from hrl.launching.environment import ensure_ros_environment

    ensure_ros_environment()
    main()
