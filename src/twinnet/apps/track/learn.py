"""Teaching the twin. Each step is a function of the seed and its number, so a run that was cut off goes on exactly."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from twinnet.apps.track.file import Tracker, fresh
from twinnet.apps.track.lessons import Lesson
from twinnet.apps.track.material import Material, source
from twinnet.core.errors import ConfigError, TrainingError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive
from twinnet.core.whole import whole
from twinnet.encoders.places import Places
from twinnet.training.optimiser import InMemoryOrder

_WARM_UP = 100  # steps
_CLIP = 5.0  # gradient norm
_SAVE_EVERY = 100  # steps
_SHOWN = 50  # steps that the figures beside the bar are means of


@dataclass(frozen=True, slots=True)
class LearnConfig:
    """`side_px`: of the views; `size_px`: square root of a thing's area in them, as the tracker sees it."""

    steps: int = 3000
    batch: int = 12
    side_px: int = 144
    size_px: float = 40.0
    width: int = 32
    dim: int = 16
    rate: float = 4e-3
    decay: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch - 1, self.width, self.dim - 1) < 1 or self.rate <= 0:
            raise ConfigError("steps, width and rate must be positive, batch and dim at least 2.")
        if self.side_px % 4 or self.side_px < 3 * self.size_px:
            raise ConfigError("side_px must be a multiple of 4, and at least three times size_px.")


def learn(
    material: Material, config: LearnConfig, *, start: Places | None = None, checkpoint: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[Places, dict[str, Any]]:  # fmt: skip
    """A twin and the facts of its training. `start`: weights to go on from; `checkpoint`: a file to resume from.

    Raises TrainingError where the loss ran away.
    """
    net = fresh(config.width, config.dim, derive(config.seed, "weights"))
    if start is not None:
        if (start.width, start.dim) != (config.width, config.dim):
            raise ConfigError(
                f"the tracker to start from has width {start.width}, dim {start.dim}. Next: ask for the same."
            )
        net.load_state_dict(start.state_dict())
    net, lesson = net.to(memory_format=torch.channels_last).train(), Lesson()  # type: ignore[call-overload]
    both = nn.ModuleList([net, lesson])
    optimiser = InMemoryOrder(_groups(both, config), config.rate)
    said = json.dumps(asdict(config), sort_keys=True)
    done = _resume(checkpoint, said, both, optimiser)
    batches = source(material, config.batch, config.side_px, config.size_px, config.seed)
    shown: list[dict[str, float]] = []
    began = time.process_time()
    with progress.task("learning", config.steps) as task:
        task.advance(done)
        for step in range(done, config.steps):
            optimiser.rate(config.rate * _schedule(step, config.steps))
            views = batches(step)
            loss, facts = _lesson(net, lesson, views.exemplar, views.search, views.box, views.found)
            if not torch.isfinite(loss):
                raise TrainingError(f"step {step}: the loss is no number any more. Next: a smaller rate.")
            optimiser.forget()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.clip(_CLIP)
            optimiser.step()
            shown = [*shown[-_SHOWN + 1 :], facts]
            task.advance(1)
            task.note(f"found again {_mean(shown, 'hit'):.0%}, by the filter {_mean(shown, 'hit_ridge'):.0%}")
            if checkpoint and (step + 1) % _SAVE_EVERY == 0:
                _keep(checkpoint, said, step + 1, both, optimiser)
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    facts_of_all = {
        "config": asdict(config), "stills": len(material.stills), "labelled": [s.name for s in material.labelled],
        "invented": not material.stills and not material.labelled, "found_again": _mean(shown, "hit"),
        "found_again_by_filter": _mean(shown, "hit_ridge"), "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip
    return net.eval(), facts_of_all


def trained(net: Places, facts: dict[str, Any], like: Tracker | None = None) -> Tracker:
    """A tracker of a twin, with the settings and the rule of another, or the usual ones."""
    return Tracker(net, like.settings, like.rule, facts) if like else Tracker(net, facts=facts)


def _lesson(
    net: Places, lesson: Lesson, exemplar: Tensor, search: Tensor, box: Tensor, found: Tensor
) -> tuple[Tensor, dict[str, float]]:
    # One pass for both sides: they are twins, and batch normalisation must see them with the same statistics.
    both = net(torch.cat([exemplar, search]).contiguous(memory_format=torch.channels_last)).contiguous()
    result: tuple[Tensor, dict[str, float]] = lesson(both[: len(exemplar)], both[len(exemplar) :], box, found)
    return result


def _groups(both: nn.ModuleList, config: LearnConfig) -> list[dict[str, Any]]:
    """Kernels go to Muon; what scales or shifts goes to AdamW, and does not decay."""
    kernels, others = ([p for p in both.parameters() if (p.ndim >= 2) is many] for many in (True, False))
    return [{"params": kernels, "muon": True, "weight_decay": config.decay}, {"params": others, "weight_decay": 0.0}]


def _schedule(step: int, steps: int) -> float:
    """Up in a hundred steps, down along a cosine."""
    return min(1.0, (step + 1) / _WARM_UP) * (0.5 + 0.5 * float(np.cos(np.pi * step / steps))) + 0.003


def _mean(shown: list[dict[str, float]], name: str) -> float:
    return float(np.mean([facts[name] for facts in shown])) if shown else 0.0


def _keep(path: Path, said: str, step: int, both: nn.ModuleList, optimiser: InMemoryOrder) -> None:
    tensors = {f"net.{name}": value.contiguous() for name, value in both.state_dict().items()}
    for part, one in enumerate(optimiser.parts):
        for number, state in one.state_dict()["state"].items():
            tensors |= {f"optimiser.{part}.{number}.{name}": value.contiguous() for name, value in state.items()}
    with whole(path) as partial:
        save_file(tensors, partial, metadata={"config": said, "step": str(step)})


def _resume(path: Path | None, said: str, both: nn.ModuleList, optimiser: InMemoryOrder) -> int:
    """The steps already made; 0 without a checkpoint, or with one of other settings."""
    if path is None or not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError):
        return 0
    if metadata.get("config") != said:
        return 0
    both.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("net.")})
    for part, one in enumerate(optimiser.parts):
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith(f"optimiser.{part}."):
                number, what = name.split(".")[2:]
                state.setdefault(int(number), {})[what] = value
        one.load_state_dict({"state": state, "param_groups": one.state_dict()["param_groups"]})
    return int(metadata["step"])
