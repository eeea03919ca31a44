"""What matrix products are called in a configuration; loads no torch."""

import re

FORWARD, WEIGHTS, INPUTS = KINDS = ("forward", "weights", "inputs")
"""y = W x,   dL/dW = dL/dy x^T,   dL/dx = W^T dL/dy."""
WAY_BACK = (WEIGHTS, INPUTS)
_NAME = re.compile(rf"({'|'.join(KINDS)})( \d+x\d+x\d+)?")


def is_product(name: str) -> bool:
    """Whether it names a kind of product, or one shape of it: ``weights 256x128x272``, rows x inner x columns."""
    return _NAME.fullmatch(name) is not None
