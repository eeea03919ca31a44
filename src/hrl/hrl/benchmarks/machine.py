"""What every benchmark says of the machine it ran on."""

import os
import platform
from pathlib import Path
from typing import Any

from hrl_core.threads import matrix_libraries


def machine() -> dict[str, Any]:
    """Processor, cores, libraries of matrix products, Python and load."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "products": matrix_libraries(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }
