"""Write the table of training switches into docs/training.md: `python tools/switch_table.py`.

Names, defaults and sources are read from the configuration classes, so that the page cannot disagree with them.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from pathlib import Path
from typing import Any

from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.hac.config import HacConfig
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset

PAGE = Path(__file__).resolve().parents[1] / "docs" / "training.md"
BEGIN, END = "<!-- switches: begin -->", "<!-- switches: end -->"


def field_docs(config: type) -> dict[str, str]:
    """Docstring under each field of a dataclass."""
    body = ast.parse(inspect.getsource(config)).body[0]
    docs: dict[str, str] = {}
    name = ""
    for statement in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            docs[name] = " ".join(str(statement.value.value).replace("``", "`").split())
            name = ""
    return docs


def table() -> str:
    """The tables of all switches in Markdown."""
    paper, fast = preset("paper"), preset("fast")
    flat, flat_fast = preset("paper", "flat"), preset("fast", "flat")
    hac, hac_paper = preset("fast", "hac"), preset("paper", "hac")
    parts = [
        "### Run",
        _rows(TrainConfig, "--", ("`paper`", paper), ("`fast`", fast), ("`hac`", hac)),
        "### HIRO: `--algorithm hiro`",
        _rows(HiroConfig, "--", ("`paper`", paper.agent), ("`fast`", fast.agent)),
        "### Levels of HIRO: `--worker.*` and `--manager.*`",
        _rows(
            TD3Config,
            "",
            ("`paper`, both", paper.agent.worker),
            ("`fast`, worker", fast.agent.worker),
            ("`fast`, manager", fast.agent.manager),
        ),
        "### Flat TD3: `--algorithm flat`, and `--worker.*` as above",
        _rows(FlatConfig, "--", ("`paper`", flat.agent), ("`fast`", flat_fast.agent)),
        "### HAC: `--algorithm hac`",
        _rows(HacConfig, "--", ("`fast`", hac.agent), ("`paper`", hac_paper.agent)),
        "### Every level of HAC: `--learner.*`",
        _rows(BoundedDDPGConfig, "", ("`fast`", hac.agent.learner), ("`paper`", hac_paper.agent.learner)),
    ]
    return "\n\n".join(parts)


def page_with_table(page: str) -> str:
    """The page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _rows(config: type, prefix: str, *columns: tuple[str, Any]) -> str:
    docs = field_docs(config)
    head = ["switch", *(name for name, _ in columns), "what, and where it is from"]
    lines = [_row(head), _row(["---"] * len(head))]
    for field in dataclasses.fields(config):
        values = [getattr(values, field.name) for _, values in columns]
        if not dataclasses.is_dataclass(values[0]):
            lines.append(_row([f"`{prefix}{field.name}`", *map(_shown, values), docs.get(field.name, "")]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text()))
    sys.stdout.write(f"{PAGE} written\n")
