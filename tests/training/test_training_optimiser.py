"""The optimiser's short cuts change no result: PyTorch's plain AdamW, clipping and random state are the oracles."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from twinnet.training.machine import choose
from twinnet.training.muon import orthogonal
from twinnet.training.optimiser import MUON_RATE, InMemoryOrder


class Scaled(nn.Module):
    """Kernels with channels last, of a first layer of one channel too; rows; a single number."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.Flatten(), nn.Linear(80, 3))
        self.scale = nn.Parameter(torch.tensor(0.7))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images) * self.scale


def network() -> Scaled:
    torch.manual_seed(0)
    return Scaled().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def groups(module: nn.Module) -> list[dict[str, object]]:
    kernels = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]


def test_steps_are_those_of_plain_adamw_with_plain_clipping() -> None:
    mine = network()
    theirs = copy.deepcopy(mine)
    ours = InMemoryOrder(groups(mine), 0.01)
    plain = torch.optim.AdamW(groups(theirs), lr=0.01, fused=False, foreach=False)
    generator = torch.Generator().manual_seed(1)
    clipped = []
    for _ in range(20):
        images = torch.randn(4, 1, 8, 8, generator=generator)
        for module in (mine, theirs):
            module.zero_grad()
            module(images).square().mean().backward()
        norm = ours.clip(0.05)
        torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(theirs.parameters(), 0.05))
        clipped.append(bool(norm > 0.05))
        ours.step()
        plain.step()
    assert any(clipped)
    assert not all(clipped)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-5, rtol=1e-4)


def test_weights_stay_with_their_module_and_keep_their_layout() -> None:
    module = network()
    before = {name: (p.data_ptr(), p.stride()) for name, p in module.named_parameters()}
    optimiser = InMemoryOrder(groups(module), 0.1)
    old = copy.deepcopy(module.state_dict())
    module(torch.randn(2, 1, 8, 8)).sum().backward()
    optimiser.step()
    assert {name: (p.data_ptr(), p.stride()) for name, p in module.named_parameters()} == before
    assert not any(torch.equal(old[name], value) for name, value in module.state_dict().items())
    assert all(
        view.is_contiguous() for part in optimiser.parts for group in part.param_groups for view in group["params"]
    )


def test_weights_without_a_gradient_are_left_alone() -> None:
    module = network()
    optimiser = InMemoryOrder(groups(module), 0.1)
    module(torch.randn(2, 1, 8, 8)).sum().backward()
    optimiser.forget()
    old = copy.deepcopy(module.state_dict())
    assert optimiser.clip(1.0) == 0
    optimiser.step()
    assert all(torch.equal(old[name], value) for name, value in module.state_dict().items())


def test_what_draws_inside_seeded_follows_the_seed_and_leaves_no_trace() -> None:
    machine = choose("cpu", "float32")
    torch.manual_seed(5)
    expected_outside = torch.rand(3)
    torch.manual_seed(11)
    expected_inside = nn.functional.dropout(torch.ones(50), 0.5)
    torch.manual_seed(5)
    with machine.seeded(11):
        inside = nn.functional.dropout(torch.ones(50), 0.5)
    assert torch.equal(inside, expected_inside)
    assert torch.equal(torch.rand(3), expected_outside)
    torch.manual_seed(5)
    with pytest.raises(RuntimeError, match="stop"), machine.seeded(11):
        torch.rand(1)
        raise RuntimeError("stop")
    assert torch.equal(torch.rand(3), expected_outside)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_orthogonal_keeps_the_singular_vectors_and_levels_the_values(rows: int, columns: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=generator, dtype=torch.float64))[0]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=generator, dtype=torch.float64))[0]
    short = min(rows, columns)
    values = 0.05 + torch.rand(short, generator=generator, dtype=torch.float64)
    matrix = left[:, :short] * values @ right[:, :short].T
    found = left[:, :short].T @ orthogonal(matrix) @ right[:, :short]
    on, off = found.diagonal(), found - torch.diag(found.diagonal())
    assert off.abs().max() < 1e-9
    assert 0.6 < on.min() <= on.max() < 1.3


def test_muon_steps_along_the_orthogonal_momentum_and_adamw_takes_the_rest() -> None:
    module = network()
    marked = [{**group, "muon": i == 0} for i, group in enumerate(groups(module))]
    optimiser = InMemoryOrder(marked, 0.01)
    old = copy.deepcopy(module)
    module(torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(2))).square().mean().backward()
    optimiser.step()
    rate = MUON_RATE * 0.01
    for p, q in zip(module.parameters(), old.parameters(), strict=True):
        assert p.grad is not None
        if p.ndim > 1:
            flat = (1.95 * p.grad).reshape(len(p), -1)  # Nesterov's first step: g + 0.95 g
            scale = max(1.0, flat.shape[0] / flat.shape[1]) ** 0.5
            step = orthogonal(flat.double()).reshape(p.shape).float()
            torch.testing.assert_close(p, q * (1 - rate * 0.1) - rate * scale * step, atol=2e-5, rtol=1e-4)
        else:
            torch.testing.assert_close(p, q - 0.01 * p.grad.sign(), atol=1e-4, rtol=1e-3)  # AdamW's first step
