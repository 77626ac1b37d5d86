"""Train text twins, decide, save, load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.texts.fields import BUCKETS, FIELDS, MEASURES, NGrams
from twinnet.apps.texts.pairs import TextPairs
from twinnet.apps.texts.sentences import sentence_model
from twinnet.core.errors import CalibrationError, ModelFileError
from twinnet.core.seeds import stream
from twinnet.core.types import Decision, FloatArray
from twinnet.decide import DecisionRule, choose_threshold, fit_beta

FORMAT = 1
SHRINK = 1.0
"""Weight of L2 beside a likelihood whose pairs weigh 1 each, per 100 pairs; chosen on half of MRPC's training pairs."""
_FOLDS = 5
_LEAST = 20


@dataclass(frozen=True, slots=True)
class TextTwins:
    """distance = −log p(same), p = sigmoid(weights · (measures − centre) / scale + offset)."""

    ngrams: NGrams
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    offset: float
    rule: DecisionRule | None = None
    sentences: str | None = None  # the folder of a sentence model

    def distances(self, first: Sequence[str], second: Sequence[str]) -> FloatArray:
        """`P` texts against `P` → `(P,)`, lower is more alike, and the same in either order."""
        x = measures(self.ngrams, first, second, self.sentences)
        return np.asarray(np.logaddexp(0, -((x - self.centre) / self.scale @ self.weights + self.offset)))

    def verify(self, first: str, second: str) -> Decision:
        """Do the two say the same? Raises CalibrationError without a rule."""
        if self.rule is None:
            raise CalibrationError("these twins have no threshold. Next: train on pairs labelled 0 and 1.")
        return self.rule.decide(float(self.distances([first], [second])[0]))

    def save(self, path: str | Path) -> None:
        """One safetensors file; loading it runs no code."""
        from safetensors.numpy import save_file

        manifest = {
            "format": FORMAT, "measures": [*MEASURES, "sentences"] if self.sentences else list(MEASURES),
            "offset": self.offset, "rule": self.rule.to_dict() if self.rule else None, "sentences": self.sentences,
        }  # fmt: skip
        tensors = {f"idf.{name}": idf for name, idf in self.ngrams.idf.items()}
        tensors |= {"centre": self.centre, "scale": self.scale, "weights": self.weights}
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, path, {"twinnet_texts": json.dumps(manifest)})
        except OSError as error:
            raise ModelFileError(f"{path}: cannot be written ({error.strerror or error}).") from error


def train_texts(
    pairs: TextPairs, *, sentences: str | None = None, seed: int = 0, learned_on: str = "pairs"
) -> TextTwins:
    """Learn how rare n-grams are and how the fields count from pairs; the threshold from folds that were held out.

    Graded pairs (0 < `same` < 1) teach as a share of either answer; a rule is learned only where all are 0 or 1.
    Raises CalibrationError for fewer than 20 pairs.
    """
    if len(pairs) < _LEAST:
        raise CalibrationError(f"{learned_on}: {len(pairs)} pairs; at least {_LEAST} are needed.")
    if not 0 < pairs.same.mean() < 1:
        raise CalibrationError(f"{learned_on}: all pairs have the same label. Next: give pairs of both kinds.")
    twins = _fit(pairs, sentences)
    if not np.isin(pairs.same, (0, 1)).all():
        return twins
    fold = stream(seed, "folds").permutation(len(pairs)) % _FOLDS
    distance = np.zeros(len(pairs))
    for k in range(_FOLDS):
        held, rest = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        part = pairs.subset(held)
        distance[held] = _fit(pairs.subset(rest), sentences).distances(part.first, part.second)
    same = pairs.same == 1
    choice = choose_threshold(distance, same, method="accuracy")
    rule = DecisionRule(
        choice.threshold, choice.method, calibrator=fit_beta(distance, same, scale=1.0), far=choice.far,
        frr=choice.frr, n_genuine=choice.n_genuine, n_impostor=choice.n_impostor, learned_on=learned_on,
    )  # fmt: skip
    return TextTwins(twins.ngrams, twins.centre, twins.scale, twins.weights, twins.offset, rule, sentences)


def measures(ngrams: NGrams, first: Sequence[str], second: Sequence[str], sentences: str | None) -> FloatArray:
    """`(P, M)`: MEASURES, and the cosine of the sentence model where there is one."""
    x = ngrams.compare(ngrams.encode(first), ngrams.encode(second))
    if sentences:
        model = sentence_model(sentences)
        cosine = (model.encode(first) * model.encode(second)).sum(axis=1)
        x = np.concatenate([x, cosine[:, None]], axis=1)
    return x


def _fit(pairs: TextPairs, sentences: str | None) -> TextTwins:
    from sklearn.linear_model import LogisticRegression

    ngrams = NGrams.fit([*pairs.first, *pairs.second])
    x = measures(ngrams, pairs.first, pairs.second, sentences)
    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    y = np.repeat([True, False], len(x))
    weight = np.concatenate([pairs.same, 1 - pairs.same])
    keep = weight > 0
    z = (x - centre) / scale
    model = LogisticRegression(C=1 / (SHRINK * len(x) / 100), max_iter=5000)
    model.fit(np.concatenate([z, z])[keep], y[keep], sample_weight=weight[keep])
    return TextTwins(
        ngrams, centre, scale, model.coef_[0].astype(np.float64), float(model.intercept_[0]), None, sentences
    )


def load_texts(path: str | Path) -> TextTwins:
    """Twins from their file. Raises ModelFileError for anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            manifest: dict[str, Any] = json.loads((file.metadata() or {})["twinnet_texts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        n = len(MEASURES) + (manifest["sentences"] is not None)
        if manifest["format"] != FORMAT or len(manifest["measures"]) != n:
            raise ValueError("another version's format")
        idf = {name: tensors[f"idf.{name}"] for name in FIELDS}
        if any(v.shape != (BUCKETS,) for v in idf.values()) or any(
            tensors[k].shape != (n,) for k in ("centre", "scale", "weights")
        ):
            raise ValueError("shapes do not fit")
        rule = DecisionRule.from_dict(manifest["rule"]) if manifest["rule"] else None
        return TextTwins(
            NGrams(idf), tensors["centre"], tensors["scale"], tensors["weights"], float(manifest["offset"]), rule,
            manifest["sentences"],
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, CalibrationError) as error:
        raise ModelFileError(f"{path}: these are no text twins ({error}). Next: train them again.") from error
