"""What every kind of training begins with in its process."""

import logging
import sys

from rich.console import Console

from hrl.results.lines import lasting_console
from hrl_core.threads import limit_threads


def training_console(torch_threads: int) -> Console:
    """Keep matrix products to so many threads, show the log with its times; returns where else people are told."""
    limit_threads(torch_threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    return lasting_console()
