"""Checkpoints: everything a run needs to go on exactly where it was, in one safetensors file; nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from twinnet.core.errors import ModelFileError
from twinnet.core.whole import whole


@dataclass(frozen=True, slots=True)
class Progressed:
    """What a checkpoint says beside the weights."""

    step: int
    elapsed_s: float
    history: list[dict[str, float]]
    best_eer: float | None
    waited: int


def save(
    path: Path,
    network: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    best: dict[str, Tensor],
    state: Progressed,
    run: dict[str, Any],
) -> None:
    """Write atomically: a run killed while saving still has the checkpoint before."""
    tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value.contiguous() for name, value in best.items()}
    for number, optimiser in enumerate(optimisers):
        for index, slots in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{index}.{name}": value.contiguous() for name, value in slots.items()}
    facts = {"step": state.step, "elapsed_s": state.elapsed_s, "history": state.history, "best_eer": state.best_eer}
    meta = {"run": json.dumps(run, sort_keys=True), "state": json.dumps(facts | {"waited": state.waited})}
    with whole(path) as partial:
        # A clone, because safetensors refuses tensors that share memory, and channels-last ones are not contiguous.
        save_file({name: value.detach().cpu().clone() for name, value in tensors.items()}, partial, metadata=meta)


def load(
    path: Path, network: nn.Module, optimisers: Sequence[torch.optim.Optimizer], run: dict[str, Any]
) -> tuple[Progressed, dict[str, Tensor]]:
    """Put weights and optimiser back; raises ModelFileError if it is damaged or of another run."""
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        saved, facts = json.loads(meta["run"]), json.loads(meta["state"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(
            f"{path}: this checkpoint cannot be read ({error}). Next: delete it and train from the start."
        ) from error
    changed = sorted(k for k in saved.keys() | run.keys() if saved.get(k) != json.loads(json.dumps(run)).get(k))
    if changed:
        raise ModelFileError(
            f"{path}: this checkpoint is of another run: {', '.join(changed)} differ. "
            "Next: repeat the first command to resume it, or give --fresh to start anew."
        )
    network.load_state_dict(_under("network.", tensors))
    for number, optimiser in enumerate(optimisers):
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(f"optimiser.{number}.", tensors).items():
            index, slot = name.split(".", 1)
            slots.setdefault(int(index), {})[slot] = value
        optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    progressed = Progressed(facts["step"], facts["elapsed_s"], facts["history"], facts["best_eer"], facts["waited"])
    return progressed, _under("best.", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
