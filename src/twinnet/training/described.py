"""Twins on described pictures: a linear map in closed form, and a network beside it where there are things enough."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from twinnet import compare, encoders, losses
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive
from twinnet.data.augment import AUGMENTS
from twinnet.data.load import ImageStore
from twinnet.encoders import EncoderSpec
from twinnet.encoders.beside import Beside
from twinnet.encoders.described import Described
from twinnet.model import Model
from twinnet.pairs import PKSampler
from twinnet.training.config import TrainConfig
from twinnet.training.loop import Learned, fit
from twinnet.training.machine import Machine
from twinnet.training.source import StoredPlanes
from twinnet.training.within import best_share, within_map

MAPPED = 256
"""Numbers of the linear map, at most."""
_BATCH = 256
_LEAST = 0.01  # of values up to 1: what never changed while learning must not shout when it does
Planes = npt.NDArray[np.float16]  # (N, planes, 16, 16): 9 kB of each picture


def mapped(store: ImageStore, *, dim: int = MAPPED, progress: Progress = SILENT) -> tuple[Model, Planes]:
    """Twins without a network, from the pictures of a store and whose they are, in seconds; and what they measured.

    The map is that of `within_map`. No threshold yet.
    """
    preprocess = store.preprocess.measured(store.images(np.arange(min(len(store), 2000))))
    look = Described(preprocess.channels)
    look.scale(preprocess.mean, preprocess.std)
    planes, summaries = [], []
    with progress.task("describing", len(store)) as task:
        for start in range(0, len(store), _BATCH):
            images = store.images(np.arange(start, min(start + _BATCH, len(store))))
            found = look(torch.from_numpy(preprocess.normalise(images)))
            planes.append(found.numpy().astype(np.float16))
            summaries.append(look.summary(found).numpy())
            task.advance(len(images))
    weight, offset = within_map(np.concatenate(summaries), store.dataset.labels(), dim)
    spec = EncoderSpec("shallow", preprocess.channels, len(offset), described=len(offset))
    encoder = _built(spec)
    encoder.description = look
    with torch.no_grad():
        encoder.fc.weight.copy_(torch.from_numpy(weight))
        encoder.fc.bias.copy_(torch.from_numpy(offset))
    model = Model(encoder.eval(), compare.build("cosine", spec.dim), preprocess, None, {}, spec)
    return model, np.concatenate(planes)


def with_network(
    model: Model, planes: Planes, labels: npt.NDArray[np.int64], config: TrainConfig, machine: Machine, *,
    save_to: Path | None = None, run: dict[str, Any] | None = None, progress: Progress = SILENT,
) -> tuple[Model, Learned]:  # fmt: skip
    """The same twins with a network beside the map, trained on `planes (N, P, 16, 16)` of identities `labels (N,)`.

    Either part counts half; `shared` learns it. Raises what `fit` raises.
    """
    spec = EncoderSpec(
        config.encoder, config.channels, config.dim + model.spec.dim, config.width, config.grid, config.dropout,
        described=model.spec.dim,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(config.seed, "weights"))
        encoder = _built(spec)
        source = StoredPlanes(
            planes, PKSampler(labels, config.identities_per_batch, config.items_per_identity, seed=config.seed)
        )
        settings = {"dim": config.dim, "n_classes": source.n_classes, **config.loss_settings}
        loss = losses.build(config.loss, model.comparison, **settings)
    centre, spread = _of_planes(planes)
    encoder.centre.copy_(torch.from_numpy(centre))
    encoder.spread.copy_(torch.from_numpy(spread))
    assert encoder.network is not None  # noqa: S101  (it has `config.dim` numbers)
    learned = fit(
        nn.ModuleDict({"encoder": encoder.network, "loss": loss}), source,
        lambda found: (found - centre[:, None, None]) / spread[:, None, None], config, machine,
        augment=AUGMENTS[config.augment], save_to=save_to, run=run, progress=progress,
    )  # fmt: skip
    encoder.network.cpu()
    before = model.encoder.state_dict()
    encoder.load_state_dict(
        {**encoder.state_dict(), **{k: v for k, v in before.items() if k.startswith(("fc", "desc"))}}
    )
    return replace(model, encoder=encoder.eval(), spec=spec), learned


def shared(model: Model, held: ImageStore) -> tuple[Model, float]:
    """The network's part weighed as is best for things that taught neither part; and its share."""
    own = model.spec.dim - model.spec.described
    learned, linear = np.split(model.embed(held).astype(np.float64), [own], axis=1)  # each of length √½ as yet
    share = best_share(1 - 2 * learned @ learned.T, 1 - 2 * linear @ linear.T, held.dataset.labels())
    encoder = copy.deepcopy(model.encoder)
    encoder.get_buffer("share").fill_(share)
    return replace(model, encoder=encoder), share


def _built(spec: EncoderSpec) -> Beside:
    encoder = encoders.build(spec)
    assert isinstance(encoder, Beside)  # noqa: S101  (`described` asks for one)
    return encoder


def _of_planes(planes: Planes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean and deviation of each plane `(P,)`; in float32, plane by plane, as the whole would be large."""
    each = [planes[:, i].astype(np.float32) for i in range(planes.shape[1])]
    spread = [max(float(plane.std()), _LEAST) for plane in each]
    return np.array([plane.mean() for plane in each], np.float32), np.array(spread, np.float32)
