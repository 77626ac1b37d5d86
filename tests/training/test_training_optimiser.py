"""The optimiser's short cuts change no result: PyTorch's plain AdamW, clipping and random state are the oracles."""

import copy

import pytest
import torch
from torch import nn

from twinnet.training.machine import choose
from twinnet.training.optimiser import InMemoryOrder


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
    assert all(view.is_contiguous() for group in optimiser.adamw.param_groups for view in group["params"])


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
