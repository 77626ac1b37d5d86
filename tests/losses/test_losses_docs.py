"""What docs/losses.md says is run, and names every loss there is."""

import re
from pathlib import Path
from typing import Any

from twinnet.losses import LOSSES, PROXY_LOSSES

TEXT = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs_and_its_miner_has_five_lines() -> None:
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 2
    for code in blocks:
        exec(compile(code, "docs/losses.md", "exec"), names)
        assert names["output"].n_tuples > 0
    miner = re.search(r"def close_impostors.*?\n\n", blocks[1], re.DOTALL)
    assert miner is not None
    assert len(miner[0].strip().splitlines()) <= 5


def test_the_table_has_a_row_for_every_loss() -> None:
    rows = set(re.findall(r"^\| `([a-z_]+)`", TEXT, re.MULTILINE))
    assert set(LOSSES) | set(PROXY_LOSSES) | {"cross_entropy"} <= rows
