from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from twinnet import compare, encoders
from twinnet.core.types import Interval
from twinnet.data import Preprocess
from twinnet.decide import DecisionRule
from twinnet.decide.probability import Platt
from twinnet.encoders import EncoderSpec
from twinnet.model import Model

RULE = DecisionRule(
    0.25, "eer", Platt(8.0, 2.0), Interval(0.01, 0.02, 0.03, 0.95, "Clopper-Pearson"), None, 90, 900, "ten people"
)


def untrained(comparison: str = "cosine", rule: DecisionRule | None = RULE, seed: int = 0, **facts: Any) -> Model:
    """Random weights with uneven batch statistics: enough for everything but being right."""
    spec = EncoderSpec("compact", 1, 8, width=4, normalise=comparison != "learned")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = encoders.build(spec)
        with torch.no_grad():
            encoder(torch.randn(16, 1, 16, 16))  # batch normalisation: statistics other than 0 and 1
    preprocess = Preprocess(16, 16, mean=(0.4,), std=(0.3,))
    return Model(encoder.eval(), compare.build(comparison, 8), preprocess, rule, facts, spec)


@pytest.fixture
def model() -> Model:
    return untrained(note="für Tests ✓")


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    path = tmp_path / "small.twin"
    model.save(path)
    return path


@pytest.fixture
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (16 + i % 5, 20, 1), dtype=np.uint8) for i in range(30)]


@pytest.fixture
def make() -> Callable[..., Model]:
    return untrained
