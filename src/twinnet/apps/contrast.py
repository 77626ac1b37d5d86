"""Twins beside a plain classifier with the same backbone: what each can say about a class it was not taught."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from twinnet.apps.evaluate import template_distances
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray
from twinnet.data import ImageStore
from twinnet.data.augment import Augment
from twinnet.model import Model
from twinnet.training.classifier import Classifier, train_classifier
from twinnet.training.config import TrainConfig

_STEPS = 400  # of 64 images: the classifier reads the digits it was taught without error long before


@dataclass(frozen=True, slots=True)
class Contrast:
    """What was measured. Accuracies are on items of the new classes, with all classes as possible answers."""

    known_accuracy: float  # the classifier, on held-out items of the classes it was taught
    called: dict[str, dict[str, int]]  # new class → what the classifier calls it → how often
    confidence: float  # its mean confidence in these answers
    enrol_seconds: float  # twins: one embedding for each new class
    enrol_accuracy: float
    retrain_seconds: float  # classifier: from scratch, with the same one example of each new class
    retrain_accuracy: float
    train_seconds: float


def contrast(
    model: Model,
    store: ImageStore,
    taught: tuple[str, ...],
    augment: Augment,
    config: TrainConfig,
    *,
    progress: Progress = SILENT,
) -> Contrast:
    """Train the classifier on `taught`, show it the other classes, then add those to both and time it."""
    data = store.dataset
    labels, names = data.labels(), data.identity_names
    known = np.isin(labels, [names.index(name) for name in taught])
    rng = stream(config.seed, "contrast")
    test = np.zeros(len(labels), bool)
    test[rng.permutation(np.flatnonzero(known))[: int(known.sum()) // 5]] = True
    settings = replace(config, minutes=0.0, epochs=0.0, steps=_STEPS)
    first = _classifier(store, np.flatnonzero(known & ~test), model, settings, augment, progress)
    right = first.classify(store.images(np.flatnonzero(known & test)))[0] == labels[known & test]
    answers, confidence = first.classify(store.images(np.flatnonzero(~known)))

    enrolled = np.array([rng.choice(np.flatnonzero(labels == label)) for label in range(len(names))])
    rest = np.setdiff1d(np.flatnonzero(~known), enrolled)
    new = enrolled[np.isin(labels[enrolled], labels[~known])]
    started = time.perf_counter()
    model.embed_images(store.images(new))
    enrol_seconds = time.perf_counter() - started
    nearest = template_distances(model, model.embed(store), enrolled[:, None], rest).argmin(1)

    with_new = np.concatenate([np.flatnonzero(known & ~test), new])
    second = _classifier(store, with_new, model, settings, augment, progress)
    retrained = second.classify(store.images(rest))[0]
    return Contrast(
        float(right.mean()),
        _counts(labels[~known], answers, names),
        float(confidence.mean()),
        enrol_seconds,
        float((nearest == labels[rest]).mean()),
        second.seconds,
        float((retrained == labels[rest]).mean()),
        first.seconds,
    )


def _classifier(
    store: ImageStore, rows: IntArray, model: Model, config: TrainConfig, augment: Augment, progress: Progress
) -> Classifier:
    part = replace(store, dataset=store.dataset.subset(rows), pixels=store.images(rows))
    return train_classifier(part, model.spec, config, augment=augment, progress=progress)


def _counts(truth: IntArray, answers: IntArray, names: tuple[str, ...]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for label in np.unique(truth):
        called, times = np.unique(answers[truth == label], return_counts=True)
        order = np.argsort(-times)
        table[names[label]] = {names[called[i]]: int(times[i]) for i in order}
    return table
