"""Train text twins, decide, save, load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.texts.fields import BUCKETS, FIELDS, NGrams
from twinnet.apps.texts.fields import MEASURES as OF_FIELDS
from twinnet.apps.texts.order import MEASURES as OF_ORDER
from twinnet.apps.texts.order import ordered
from twinnet.apps.texts.pairs import TextPairs
from twinnet.apps.texts.sentences import sentence_model
from twinnet.core.errors import CalibrationError, ModelFileError
from twinnet.core.seeds import stream
from twinnet.core.types import Decision, FloatArray
from twinnet.decide import DecisionRule, choose_threshold, fit_beta

FORMAT = 2
MEASURES = (*OF_FIELDS, *OF_ORDER)
SHRINK = 1.0
"""Weight of L2 beside a likelihood whose pairs weigh 1 each, per 100 pairs; chosen on half of MRPC's training pairs."""
_FOLDS = 5
_LEAST = 20
_FAR = 4.0


@dataclass(frozen=True, slots=True)
class TextTwins:
    """distance = −log p(same), p = sigmoid(weights · (measures − centre) / scale + offset), each measure at most
    four deviations from the centre."""

    ngrams: NGrams
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    offset: float
    rule: DecisionRule | None = None
    sentences: str | None = None  # the folder of a sentence model

    def distances(self, first: Sequence[str], second: Sequence[str]) -> FloatArray:
        """`P` texts against `P` → `(P,)`, lower is more alike, and the same in either order."""
        return self.judged(measured(self.ngrams, first, second, steady(first, second, self.sentences)))

    def judged(self, x: FloatArray) -> FloatArray:
        """Distances `(P,)` of measures `(P, M)`."""
        return np.asarray(np.logaddexp(0, -(_standard(x, self.centre, self.scale) @ self.weights + self.offset)))

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
    fixed = steady(pairs.first, pairs.second, sentences)
    twins = _fit(pairs, fixed, sentences)
    if not np.isin(pairs.same, (0, 1)).all():
        return twins
    fold = stream(seed, "folds").permutation(len(pairs)) % _FOLDS
    distance = np.zeros(len(pairs))
    for k in range(_FOLDS):
        held, rest = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        part, others = pairs.subset(held), _fit(pairs.subset(rest), fixed[rest], sentences)
        distance[held] = others.judged(measured(others.ngrams, part.first, part.second, fixed[held]))
    same = pairs.same == 1
    choice = choose_threshold(distance, same, method="accuracy")
    rule = DecisionRule(
        choice.threshold, choice.method, calibrator=fit_beta(distance, same, scale=1.0), far=choice.far,
        frr=choice.frr, n_genuine=choice.n_genuine, n_impostor=choice.n_impostor, learned_on=learned_on,
    )  # fmt: skip
    return TextTwins(twins.ngrams, twins.centre, twins.scale, twins.weights, twins.offset, rule, sentences)


def measured(ngrams: NGrams, first: Sequence[str], second: Sequence[str], fixed: FloatArray) -> FloatArray:
    """All measures `(P, M)`: those of the n-grams as they were taught, and the `steady` ones."""
    return np.concatenate([ngrams.compare(ngrams.encode(first), ngrams.encode(second)), fixed], axis=1)


def steady(first: Sequence[str], second: Sequence[str], sentences: str | None) -> FloatArray:
    """What no teaching changes `(P, F)`: measures of order, and the cosine of the sentence model where there is one."""
    found = [np.array([ordered(a, b) for a, b in zip(first, second, strict=True)]).reshape(-1, len(OF_ORDER))]
    if sentences:
        model = sentence_model(sentences)
        found.append((model.encode(first) * model.encode(second)).sum(axis=1)[:, None])
    return np.concatenate(found, axis=1)


def _standard(x: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """No measure counts for more than `_FAR` deviations: a text unlike all that were taught must not decide by one."""
    return np.asarray(np.clip((x - centre) / scale, -_FAR, _FAR))


def _fit(pairs: TextPairs, fixed: FloatArray, sentences: str | None) -> TextTwins:
    from sklearn.linear_model import LogisticRegression

    ngrams = NGrams.fit([*pairs.first, *pairs.second])
    x = measured(ngrams, pairs.first, pairs.second, fixed)
    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    y = np.repeat([True, False], len(x))
    weight = np.concatenate([pairs.same, 1 - pairs.same])
    keep = weight > 0
    z = _standard(x, centre, scale)
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
