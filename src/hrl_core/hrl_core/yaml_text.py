"""YAML that ``hrl_core.documents`` reads back as it was."""

import re
from typing import Any

import yaml

from hrl_core.documents import EXPONENT


class _Writer(yaml.SafeDumper):
    """Quotes the text ``1e3``, which YAML 1.1 takes for text, and who reads it here for a number."""


_Writer.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"(?:{EXPONENT.pattern})\Z"), list("-+0123456789"))


def yaml_text(data: Any) -> str:  # noqa: ANN401 - plain data
    """Plain data as YAML, in the order in which it is given, short lists and tables on a line."""
    return yaml.dump(data, Dumper=_Writer, sort_keys=False, default_flow_style=None, width=110)
