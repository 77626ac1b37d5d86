"""The one training loop: batch → augment → embed once → compare all → loss → step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from twinnet.core.errors import TrainingError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive
from twinnet.core.types import Pairs, Triplets
from twinnet.losses import PairIndex, Relation, TripletIndex
from twinnet.training import checkpoint
from twinnet.training.budget import Budget, learning_rate
from twinnet.training.config import TrainConfig
from twinnet.training.health import Health
from twinnet.training.machine import Machine
from twinnet.training.optimiser import InMemoryOrder
from twinnet.training.source import Batch, BatchSource

Validate = Callable[[nn.Module], float]  # the encoder in evaluation mode → its EER on identities not trained on


Normalise = Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]  # (B, H, W, C) -> (B, C, H, W)
Augmentation = Callable[[Tensor, torch.Generator, Tensor | None], Tensor]  # (B, C, H, W), labels (B,) -> as it was


@dataclass
class Learned:
    """What a run leaves: `history` has one row per validation, `stopped` says why it ended."""

    steps: int = 0
    items: int = 0
    seconds: float = 0.0
    best_eer: float | None = None
    stopped: str = "budget"
    history: list[dict[str, float]] = field(default_factory=list)


def fit(
    network: nn.ModuleDict,
    source: BatchSource,
    normalise: Normalise,
    config: TrainConfig,
    machine: Machine,
    *,
    augment: Augmentation,
    validate: Validate | None = None,
    validations: int = 8,
    save_to: Path | None = None,
    run: dict[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Learned:
    """Train `network["encoder"]` (and what `network["loss"]` learns) in place; the best validated weights stay in it.

    Every random choice of a step is a function of the seed and the step, so a run that was killed and resumed from its
    checkpoint makes the same steps as one that was not. Raises TrainingError when the run cannot succeed.
    """
    network.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.train()
    optimiser = InMemoryOrder(_weight_groups(network, config), config.learning_rate, machine.dtype)
    budget = Budget(steps=config.steps or round(config.epochs * source.steps_per_epoch), seconds=60.0 * config.minutes)
    out, best, waited, spent = Learned(), dict[str, Tensor](), 0, 0.0
    if save_to and save_to.exists():
        state, best = checkpoint.load(save_to, network, optimiser.parts, run or {})
        out.steps, spent, out.history, out.best_eer, waited = (
            state.step, state.elapsed_s, state.history, state.best_eer, state.waited,
        )  # fmt: skip
    health, started, saved_at = Health(), time.monotonic(), time.monotonic()

    def clock() -> float:
        return spent + time.monotonic() - started

    done = budget.progress(out.steps, clock())
    next_validation = (int(done * validations) + 1) / validations
    with progress.task("training", total=1.0) as bar:
        bar.advance(done)
        while done < 1:
            optimiser.rate(learning_rate(done, config.learning_rate, config.warm_up))
            batch = source.batch(out.steps)
            loss = step(network, batch, normalise, config, machine, augment, optimiser, out.steps, health)
            out.steps += 1
            out.items += len(batch.images)
            before, done = done, budget.progress(out.steps, clock())
            bar.advance(done - before)
            if out.steps % 10 == 0:
                bar.note(_note(loss, out, clock() - spent))
            if validate and done >= next_validation:
                next_validation = (int(done * validations) + 1) / validations
                better = _validate(network, validate, out, best, loss, done)
                network.train()
                waited = 0 if better else waited + 1
                if config.patience and waited >= config.patience:
                    out.stopped = f"no better EER in {waited} validations"
                    break
            if save_to and time.monotonic() - saved_at >= config.checkpoint_s:
                state = checkpoint.Progressed(out.steps, clock(), out.history, out.best_eer, waited)
                checkpoint.save(save_to, network, optimiser.parts, best, state, run or {})
                saved_at = time.monotonic()
    out.seconds = clock()
    if best:
        network["encoder"].load_state_dict(best)
    network.eval()
    return out


def step(
    network: nn.ModuleDict,
    batch: Batch,
    normalise: Normalise,
    config: TrainConfig,
    machine: Machine,
    augment: Augmentation,
    optimiser: InMemoryOrder,
    number: int,
    health: Health,
) -> float:
    """One step of gradient descent; gives the loss."""
    generator = torch.Generator().manual_seed(derive(config.seed, "augment", number))
    images = torch.from_numpy(normalise(batch.images)).to(machine.device)  # (B, C, H, W)
    relation = _relation(batch, machine)
    images = machine.put(augment(images, generator, relation if isinstance(relation, Tensor) else None))
    with machine.seeded(derive(config.seed, "dropout", number)), machine.autocast():
        embeddings = network["encoder"](images)  # (B, D)
    output = network["loss"](embeddings.float(), relation)
    if output.n_tuples == 0:
        raise TrainingError(
            f"the batch of step {number} held nothing to compare. Next: give more identities per batch."
        )
    optimiser.forget()
    output.value.backward()
    gradient = optimiser.clip(config.clip_norm)
    health.check(number, output.value.detach(), gradient, embeddings, images)
    optimiser.step()
    return float(output.value.detach())


def _relation(batch: Batch, machine: Machine) -> Relation:
    def put(array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array).to(machine.device)

    relation = batch.relation
    if isinstance(relation, Pairs):
        return PairIndex(put(relation.first), put(relation.second), put(relation.same))
    if isinstance(relation, Triplets):
        return TripletIndex(put(relation.anchor), put(relation.positive), put(relation.negative))
    return put(relation)


def _weight_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    # Weight decay is for matrices and kernels; on scales and offsets it only pulls towards an arbitrary zero.
    # Class vectors may ask for a faster rate than the encoder's (`rate`), and only their direction counts.
    rates: list[tuple[Any, nn.Module]] = [(getattr(m, "rate", None), m) for m in network.modules()]
    fast = {id(p): float(rate) for rate, m in rates if rate is not None for p in m.parameters(recurse=False)}
    groups: dict[tuple[float, bool], list[Tensor]] = {(1.0, True): [], (1.0, False): []}
    for p in network.parameters():
        if p.requires_grad:
            groups.setdefault((fast.get(id(p), 1.0), p.ndim > 1 and id(p) not in fast), []).append(p)
    return [
        {"params": ps, "rate": rate, "weight_decay": config.weight_decay if matrix else 0.0,
         "muon": matrix and config.optimiser != "adamw"}
        for (rate, matrix), ps in groups.items() if ps
    ]  # fmt: skip


def _validate(
    network: nn.ModuleDict, validate: Validate, out: Learned, best: dict[str, Tensor], loss: float, done: float
) -> bool:
    encoder = network["encoder"]
    encoder.eval()
    eer = validate(encoder)
    out.history.append({"step": out.steps, "progress": done, "loss": loss, "eer": eer})
    if out.best_eer is not None and eer >= out.best_eer:
        return False
    out.best_eer = eer
    best.clear()
    best.update({name: value.detach().clone() for name, value in encoder.state_dict().items()})
    return True


def _note(loss: float, out: Learned, seconds: float) -> str:
    eer = f"  EER {out.best_eer:.1%}" if out.best_eer is not None else ""
    return f"loss {loss:.3f}{eer}  {out.items / max(seconds, 1e-9):.0f} images/s"
