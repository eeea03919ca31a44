"""The documentation of the training switches is the code's."""

from switch_table import PAGE, field_docs, page_with_table

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig


def test_the_page_is_up_to_date():
    page = PAGE.read_text()
    assert page == page_with_table(page), "run: python tools/switch_table.py"


def test_every_switch_is_explained():
    for config in (TrainConfig, HiroConfig, TD3Config):
        nested = {"agent", "worker", "manager"}
        assert set(field_docs(config)) | nested >= {name for name in config.__dataclass_fields__}
