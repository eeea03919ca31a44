"""What devices are called."""

import re

CPU = "cpu"


def is_device(name: str) -> bool:
    """Whether it may be the name of a device: cpu, cuda, or cuda:N."""
    return re.fullmatch(r"cpu|cuda(:\d+)?", name) is not None
