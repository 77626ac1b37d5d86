from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from twinnet import Model, Preprocess, compare, encoders
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule
from twinnet.decide.probability import Platt
from twinnet.encoders import EncoderSpec

RULE = DecisionRule(0.25, "eer", Platt(8.0, 2.0), Interval(0.01, 0.02, 0.03), None, 90, 900, "ten people")


def untrained(
    comparison: str = "cosine", encoder: str = "compact", size: int = 16, grid: int = 0, **more: Any
) -> Model:
    """Random weights with uneven batch statistics."""
    spec = EncoderSpec(encoder, 1, 8, width=4, grid=grid, normalise=comparison != "learned")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = encoders.build(spec)
        with torch.no_grad():
            net(torch.randn(16, 1, size, size))
    preprocess = Preprocess(size, size, mean=(0.4,), std=(0.3,))
    rule, facts = more.pop("rule", RULE), more
    return Model(net.eval(), compare.build(comparison, 8), preprocess, rule, facts, spec)


@pytest.fixture
def make() -> Callable[..., Model]:
    return untrained


@pytest.fixture
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (16 + i % 5, 20, 1), dtype=np.uint8) for i in range(12)]
