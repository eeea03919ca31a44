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

from hrl_core.algorithms import ALGORITHMS, presets
from hrl_core.algorithms.flat.config import DQNFlatConfig, OnPolicyFlatConfig
from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.fun.config import FunConfig
from hrl_core.algorithms.hac.config import DDPGHacConfig
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.option_critic.config import OptionCriticConfig
from hrl_core.algorithms.relay.config import RelayConfig
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset

PAGE = Path(__file__).resolve().parents[1] / "docs" / "training.md"
_NOT_THERE = object()
_MOST_SHOWN = 15
"""Numbers of one value that are told one by one."""
BEGIN, END = "<!-- switches: begin -->", "<!-- switches: end -->"


def field_docs(config: type) -> dict[str, str]:
    """Docstring under each field of a dataclass, and of those it is derived from."""
    docs: dict[str, str] = {}
    for base in config.__bases__:
        docs |= field_docs(base) if dataclasses.is_dataclass(base) else {}
    body, name = ast.parse(inspect.getsource(config)).body[0], ""
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
    sac, ddpg, dqn, ppo, a2c = (preset(learner=n, algorithm="flat") for n in ("sac", "ddpg", "dqn", "ppo", "a2c"))
    vime = preset("vime", "flat")
    hac, hac_paper, hac_sac = (preset(name, "hac") for name in ("fast", "paper", "sac"))
    options = preset("fast", "option_critic")
    tree = preset("ppo", "tree")
    relay = {name: config.agent for name, config in presets("relay").items()}
    parts = [
        "### Run",
        _rows(TrainConfig, "--", ("HIRO `paper`", paper), ("HIRO `fast`", fast), ("HAC `fast`", hac)),
        "### Run: every preset",
        _runs(),
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
        "### Flat, off-policy: `--algorithm flat --learner td3|sac|ddpg|dqn`; "
        "of TD3 `--worker.*` as of HIRO, but `reward_bounds` none",
        _rows(
            DQNFlatConfig,
            "--",
            ("td3 `paper`", flat.agent),
            ("td3 `fast`", flat_fast.agent),
            ("`sac`", sac.agent),
            ("`ddpg`", ddpg.agent),
            ("`dqn`", dqn.agent),
        ),
        "### Flat SAC: `--worker.*`",
        _rows(SACConfig, "", ("`sac`", sac.agent.worker)),
        "### Flat DDPG: `--worker.*`",
        _rows(DDPGConfig, "", ("`ddpg`", ddpg.agent.worker)),
        "### Flat DQN: `--worker.*`",
        _rows(DQNConfig, "", ("`dqn`", dqn.agent.worker)),
        "### Flat, on-policy: `--algorithm flat --learner ppo|a2c`",
        _rows(OnPolicyFlatConfig, "--", ("`ppo`", ppo.agent), ("`vime`", vime.agent), ("`a2c`", a2c.agent)),
        "### Flat PPO, A2C, TRPO: `--worker.*`",
        _rows(
            OnPolicyConfig,
            "",
            ("`ppo`", ppo.agent.worker),
            ("`vime`", vime.agent.worker),
            ("`a2c`", a2c.agent.worker),
        ),
        "### VIME, with `--bonus vime`: `--vime.*`",
        _rows(VimeConfig, "", ("`vime`", vime.agent.vime)),
        "### HAC: `--algorithm hac`",
        _rows(
            DDPGHacConfig, "--", ("ddpg `fast`", hac.agent), ("ddpg `paper`", hac_paper.agent), ("`sac`", hac_sac.agent)
        ),
        "### Every level of HAC: `--ddpg.*`",
        _rows(BoundedDDPGConfig, "", ("`fast`", hac.agent.ddpg), ("`paper`", hac_paper.agent.ddpg)),
        "### Every level of HAC of SAC: `--sac.*`",
        _rows(SACConfig, "", ("`sac`", hac_sac.agent.sac)),
        "### Option-Critic: `--algorithm option_critic`",
        _rows(OptionCriticConfig, "--", ("`fast`", options.agent)),
        "### MLSH: `--algorithm mlsh`, a preset for each task",
        _rows(MlshConfig, "--", *((f"`{name}`", config.agent) for name, config in presets("mlsh").items())),
        "### Levels of MLSH: `--worker.*` and `--manager.*`",
        _rows(OnPolicyConfig, "", *_levels("mlsh")),
        "### SNN4HRL: `--algorithm snn4hrl`, a preset for each task",
        _rows(Snn4hrlConfig, "--", *((f"`{name}`", config.agent) for name, config in presets("snn4hrl").items())),
        "### Levels of SNN4HRL: `--worker.*` and `--manager.*`",
        _rows(OnPolicyConfig, "", *_levels("snn4hrl")),
        "### Relay Policy Learning: `--algorithm relay`",
        _rows(RelayConfig, "--", *((f"`{name}`", agent) for name, agent in relay.items())),
        "### Levels of Relay Policy Learning: `--worker.*` and `--manager.*`",
        _rows(CloningConfig, "", *_levels("relay")),
        "### Fine-tuning in Relay Policy Learning: `--td3.*`",
        _rows(TD3Config, "", *_parts(relay, "td3")),
        "### Fine-tuning on-policy in Relay Policy Learning: `--on_policy.*`",
        _rows(OnPolicyConfig, "", *_parts(relay, "on_policy")),
        "### FuN: `--algorithm fun`",
        _rows(FunConfig, "--", *((f"`{name}`", config.agent) for name, config in presets("fun").items())),
        "### Skill trees: `--algorithm tree`",
        _rows(TreeConfig, "--", ("`ppo`", tree.agent)),
        "### Nodes of trees: `--leaf.*` and `--composite.*`",
        _rows(OnPolicyConfig, "", ("`ppo`, leaves", tree.agent.leaf), ("`ppo`, composites", tree.agent.composite)),
    ]
    return "\n\n".join(parts)


def _runs() -> str:
    """What tells the runs of the presets apart; of each algorithm the first is its default."""
    told = ("steps", "num_envs", "evaluation", "evaluation_interval", "checkpoint_interval")
    head = ["`--algorithm`", "`--preset`", "`--learner`", *(f"`--{name}`" for name in told)]
    lines = [_row(head), _row(["---"] * len(head))]
    for algorithm in ALGORITHMS:
        for name, config in presets(algorithm).items():
            learner = getattr(config.agent, "learner", "")
            values = [_shown(getattr(config, field)) for field in told]
            lines.append(_row([algorithm, f"`{name}`", learner if isinstance(learner, str) else "", *values]))
    return "\n".join(lines)


def _levels(algorithm: str) -> list[tuple[str, Any]]:
    """Columns of both levels of every preset."""
    agents = {name: config.agent for name, config in presets(algorithm).items()}
    return [
        (f"`{name}`, {level}", getattr(agent, level))
        for name, agent in agents.items()
        for level in ("worker", "manager")
    ]


def _parts(agents: dict[str, Any], part: str) -> list[tuple[str, Any]]:
    """Columns of one part of every preset; one column where it is the same in all."""
    columns = [(f"`{name}`", getattr(agent, part)) for name, agent in agents.items()]
    alike = all(value == columns[0][1] for _, value in columns)
    return [("all", columns[0][1])] if alike else columns


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
        values = [getattr(values, field.name, _NOT_THERE) for _, values in columns]
        if not dataclasses.is_dataclass(values[0]):
            lines.append(_row([f"`{prefix}{field.name}`", *map(_shown, values), docs.get(field.name, "")]))
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(value: object) -> str:
    if value is _NOT_THERE:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple) and len(value) > _MOST_SHOWN:
        return f"{len(value)} numbers"
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text()))
    sys.stdout.write(f"{PAGE} written\n")
