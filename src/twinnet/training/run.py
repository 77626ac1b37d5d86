"""Weights, then the threshold: the whole of `twinnet train` as one function."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from twinnet import compare, encoders, losses
from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive, stream
from twinnet.data.augment import AUGMENTS
from twinnet.data.dataset import Dataset
from twinnet.data.load import ImageStore, load
from twinnet.data.preprocess import Preprocess
from twinnet.data.readers import open_dataset
from twinnet.data.split import split_identities, with_items
from twinnet.decide import eer, error_rates
from twinnet.encoders import EncoderSpec
from twinnet.encoders.adapters import Adapted, Opened
from twinnet.model import Model
from twinnet.model import load as load_model
from twinnet.pairs import PKSampler, TupleSampler
from twinnet.training.calibration import calibrate_store, labelled_pairs
from twinnet.training.check import as_notes, check
from twinnet.training.config import TrainConfig
from twinnet.training.facts import training_facts
from twinnet.training.features import Features
from twinnet.training.features import fingerprint as features_fingerprint
from twinnet.training.frozen import as_they_are, embed_features, freeze, standardise, unchanged
from twinnet.training.loop import Validate, fit
from twinnet.training.machine import choose
from twinnet.training.plan import preprocessing, resolve
from twinnet.training.pretrained import opened
from twinnet.training.source import BatchSource, StoredFeatures, StoredIdentities, StoredTuples
from twinnet.training.start import following, load_weights

# 40 identities make 780 pairs of different ones; every further one would teach more than it measures.
_MOST_HELD_OUT = 40


@dataclass(frozen=True, slots=True)
class Parts:
    """Data that shares no identity: what teaches, what chooses the checkpoint, what sets the threshold."""

    train: Dataset
    validation: Dataset | None
    calibration: Dataset | None


def train(
    data: Dataset | str | Path,
    config: TrainConfig | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = True,
    accept_leaks: bool = False,
    tell: Callable[[list[str]], None] | None = None,
    features: str | Path | None = None,
    start: Model | str | Path | None = None,
    progress: Progress = SILENT,
) -> Model:
    """Train twins on `data`, learn the threshold on identities that training never saw, and save to `out`.

    With `out`, a checkpoint `out + ".checkpoint"` is written as it goes and taken up again after an interruption.
    Before training, the data is examined (`check`): `tell` is called with what a person should know, in a few lines,
    and equal pictures on both sides of the split raise LeakError unless `accept_leaks`.
    What a frozen pre-trained backbone makes of the pictures is kept in the folder `features`, or `out + ".features"`.
    `start` is a model, or its file, whose weights are gone on from; it fixes the encoder and the look at pictures.
    Raises DataError, ConfigError or TrainingError with the next step to take.
    """
    started = time.monotonic()
    data = data if isinstance(data, Dataset) else open_dataset(data)
    config = config or TrainConfig()
    before = start if isinstance(start, Model) or start is None else load_model(start)
    if before:
        config = following(config, before)
    config, backbone = opened(config)
    config = resolve(config, data)
    machine = choose(config.device, config.precision)
    parts = split(data, config)
    sides = {"training": parts.train, "validation": parts.validation, "calibration": parts.calibration}
    found = check(data, sides, accept_leaks=accept_leaks, seed=config.seed, progress=progress)
    if tell:
        tell(as_notes(found, data.source))
    given = before.preprocess if before else None
    stores = _load(parts, config, backbone, given, progress)
    preprocess = stores[0].preprocess
    if not (backbone or given):
        preprocess = preprocess.measured(_some_pixels(stores[0]))
    spec = EncoderSpec(
        config.encoder, config.channels, config.dim, config.width, config.grid, config.dropout, config.on_sphere,
        backbone.recipe.to_dict() if backbone else None, head=config.head,
    )  # fmt: skip
    source = _source(stores[0], config)
    network = build_network(spec, config, source.n_classes, trunk=backbone.trunk if backbone else None)
    run = {"config": config.to_dict(), "data": fingerprint(data)}
    if before:
        load_weights(network, before)
        run["start"] = before.fingerprint
    learning, frozen, encoder = network, None, network["encoder"]
    if isinstance(encoder, Adapted):
        mark = features_fingerprint(encoder, preprocess)
        run["backbone"] = mark
        folder = Path(features or f"{out}.features") / mark if features or out else None
        frozen = freeze(encoder, stores[:2], preprocess, config, machine, folder, progress)
        if frozen:
            source = _source(stores[0], config, frozen.train)
            learning = nn.ModuleDict({**network, "encoder": encoder.head})
        else:
            standardise(encoder, stores[0], preprocess)
    checkpoint = Path(f"{out}.checkpoint") if out else None
    if checkpoint and not resume:
        checkpoint.unlink(missing_ok=True)
    config_left = config
    if config.minutes:
        # The minutes are those of the whole command: what reading took is no longer there for learning.
        left = max(config.minutes / 2, config.minutes - (time.monotonic() - started) / 60)
        config_left = replace(config, minutes=left)
    learned = fit(
        learning, source, as_they_are if frozen else preprocess.normalise, config_left, machine,
        augment=unchanged if frozen else AUGMENTS[config.augment],
        validate=_validator(
            stores[1], network["comparison"], preprocess, config, frozen.validation if frozen else None
        ),
        save_to=checkpoint,
        run=run,
        progress=progress,
    )  # fmt: skip
    held = {"validation": parts.validation, "calibration": parts.calibration}
    facts = training_facts(
        data, parts.train, {name: part for name, part in held.items() if part is not None},
        [store for store in stores if store is not None], config, learned, machine, time.monotonic() - started,
    )  # fmt: skip
    if before:
        facts |= {"started_from": before.fingerprint, "trained_identities": _with_those_of(before, facts)}
    if frozen:
        facts["features_seconds"] = round(frozen.seconds, 1)
    model = Model(network["encoder"].cpu(), network["comparison"].cpu(), preprocess, None, facts, spec)
    if stores[2] is not None:
        model = calibrate_store(model, stores[2], progress=progress, seed=config.seed)
    if out:
        model.save(Path(out))
        if checkpoint:
            checkpoint.unlink(missing_ok=True)
    return model


def split(data: Dataset, config: TrainConfig) -> Parts:
    """Identity-disjoint parts; too few identities to spare any leave validation, then calibration, out.

    Validation and calibration are apart, because a checkpoint that was chosen on some people flatters itself on them.
    """
    shares = [config.validation_share, config.calibration_share]
    if data.identities is not None:
        n = data.n_identities
        shares = [min(share, _MOST_HELD_OUT / n) if share * n >= 1.5 else 0.0 for share in shares]
    asked = [1 - sum(shares), *(share for share in shares if share)]
    found = list(split_identities(data, asked, config.seed)) if len(asked) > 1 else [data]
    validation = found.pop(1) if shares[0] else None
    return Parts(with_items(found[0], config.least_items), validation, found[1] if shares[1] else None)


def fingerprint(data: Dataset) -> str:
    """What the data set is, by names only: to notice that a checkpoint belongs to another one."""
    digest = hashlib.blake2b(digest_size=8)
    for key in data.keys:
        digest.update(key.encode() + b"\0")
    return digest.hexdigest()


def _load(
    parts: Parts, config: TrainConfig, backbone: Opened | None, given: Preprocess | None, progress: Progress
) -> tuple[ImageStore, ImageStore | None, ImageStore | None]:
    preprocess = given or preprocessing(config)
    if backbone:
        preprocess = replace(preprocess, mean=backbone.inputs.mean, std=backbone.inputs.std)
    train, validation, calibration = (
        load(part, preprocess, progress=progress) if part is not None else None
        for part in (parts.train, parts.validation, parts.calibration)
    )
    assert train is not None  # noqa: S101  (a part is None only where it was not asked for)
    return train, validation, calibration


def _with_those_of(before: Model, facts: dict[str, Any]) -> list[str]:
    """Whoever taught the model that was started from has taught this one, too."""
    return sorted({*before.facts.get("trained_identities", []), *facts["trained_identities"]})


def _some_pixels(store: ImageStore) -> Any:
    return store.images(np.linspace(0, len(store) - 1, min(len(store), 2000)).astype(np.int64))


def build_network(
    spec: EncoderSpec, config: TrainConfig, n_classes: int = 0, trunk: nn.Module | None = None
) -> nn.ModuleDict:
    """Encoder, comparison and loss with fresh weights that depend on the seed alone.

    `n_classes` is for the losses that keep a vector for every class; 0 where there is no fixed set of them. `trunk` is
    a pre-trained one, of which only the head is fresh.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(config.seed, "weights"))
        comparison = compare.build(config.known_comparison, config.dim)
        own = {"dim": config.dim, "n_classes": n_classes, **config.loss_settings}
        loss = losses.build(config.loss, comparison, **own)
        encoder = encoders.adapt(spec, trunk) if trunk is not None else encoders.build(spec)
        return nn.ModuleDict({"encoder": encoder, "comparison": comparison, "loss": loss})


def _source(store: ImageStore, config: TrainConfig, features: Features | None = None) -> BatchSource:
    data = store.dataset
    p, k = config.identities_per_batch, config.items_per_identity
    tuples = data.pairs if data.pairs is not None else data.triplets
    if data.identities is None:
        if tuples is None:
            raise ConfigError(f"{data.source} has neither identities nor pairs nor triplets to learn from.")
        sampler = TupleSampler(tuples, p * k // 2, seed=config.seed, genuine_share=config.genuine_share)
        if features is not None:
            return StoredFeatures(features, sampler, len(tuples))
        return StoredTuples(store, sampler, len(tuples))
    by_identity = PKSampler(
        data.identities, p, k, seed=config.seed, groups=data.groups, blocks=config.group_blocks or 0
    )
    if features is not None:
        return StoredFeatures(features, by_identity, len(store))
    return StoredIdentities(store, by_identity, turns=bool(config.class_turns), mirror=config.class_mirror)


_VALIDATION_ITEMS = 1500  # enough for the EER's second digit, few enough not to cost training time


def _validator(
    store: ImageStore | None,
    comparison: nn.Module,
    preprocess: Preprocess,
    config: TrainConfig,
    features: Features | None = None,
) -> Validate | None:
    if store is None:
        return None
    data = store.dataset
    rows = np.sort(stream(config.seed, "validation").permutation(len(data))[:_VALIDATION_ITEMS])
    some = data.subset(rows) if data.identities is not None else data
    rows = rows if data.identities is not None else np.arange(len(data))
    images: Any = store.images(rows) if features is None else features[rows, 0]
    pairs, _, _ = labelled_pairs(some, max_pairs=50_000, seed=config.seed)

    def validate(encoder: nn.Module) -> float:
        model = Model(encoder, comparison, preprocess, None, {}, EncoderSpec(dim=config.dim))
        embed: Callable[[Any], Any] = model.embed_images if features is None else partial(embed_features, encoder)
        parts = [embed(images[i : i + 256]) for i in range(0, len(images), 256)]
        distances = model.pair_distances(np.concatenate(parts), pairs.first, pairs.second)
        return eer(error_rates(distances, pairs.same))[0]

    return validate
