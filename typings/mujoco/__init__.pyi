# mujoco is compiled and brings no stubs: without this file the type checker knows none of its names.
from typing import Any

def __getattr__(name: str) -> Any: ...
