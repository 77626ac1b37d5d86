"""Twins as ONNX, float and int8, with a certificate that they still decide as before."""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twinnet.compare import Learned
from twinnet.core.errors import CalibrationError, MissingExtra, TwinnetError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.data import Dataset, load, open_dataset
from twinnet.decide import DecisionRule, choose_threshold, eer, error_rates, fit_beta
from twinnet.engine import CARD, FORMAT, Engine
from twinnet.model import Model
from twinnet.model.model import comparison_name

TOLERANCE = 1e-4
"""By how much a distance of the float file may move, as a share of the threshold (or of the mean distance)."""
_PAIRS = 20_000
_CALIBRATION = 256  # images that set the ranges of int8


class ParityError(TwinnetError):
    """An exported model does not decide as the model it came from."""


@dataclass(frozen=True, slots=True)
class Parity:
    """What replaying the golden set showed. Moves are shares of the threshold; `eer` only with labelled identities."""

    images: int
    pairs: int
    tolerance: float
    largest_move: float
    flipped: int
    int8_largest_move: float | None = None
    int8_flipped: int | None = None
    eer: float | None = None
    int8_eer: float | None = None


def export(
    model: Model, out: str | Path, golden: str | Path | Dataset | None = None, *, int8: bool = True,
    tolerance: float = TOLERANCE, seed: int = 0, progress: Progress = SILENT,
) -> Parity:  # fmt: skip
    """Write `out` (.onnx) and, with a golden set and `int8`, OUT.int8.onnx; both carry card and certificate.

    The golden set is a folder with one subfolder per identity, which the network was not trained on. Without it, noise
    is replayed, and there is no int8 file: its ranges and its threshold are learned from the golden set. Raises
    ParityError where a verdict of the float file flips or a distance moves by more than the tolerance.
    """
    out = Path(out)
    images, labels = _golden(model, golden, seed, progress)
    first, second = _pairs(labels, seed)
    content = _onnx(model)
    truth = model.embed_images(images)
    before = model.pair_distances(truth, first, second)
    engine = _engine(content, _card(model, model.rule, None))
    after = _distances(engine, images, first, second)
    unit = model.rule.threshold if model.rule else float(np.abs(before).mean())
    threshold = model.rule.threshold if model.rule else None
    move, flipped = _moved(before, after, unit, threshold)
    parity = Parity(len(images), len(first), tolerance, move, flipped)
    if flipped or move > tolerance:
        raise ParityError(
            f"{out}: {flipped} of {len(first):,} verdicts flip and a distance moves by {move:.2g} of the threshold "
            f"(at most {tolerance:g} is allowed); nothing was written."
        )
    if golden is not None and int8:
        same = labels[first] == labels[second]
        small = _quantised(content, model.preprocess.normalise(images[:_CALIBRATION]))
        of_small = _distances(_engine(small, _card(model, model.rule, None)), images, first, second)
        rule = _relearned(model.rule, of_small, same)
        small_move, _ = _moved(before, of_small, unit, None)
        flips = (
            int(((before < threshold) != (of_small < rule.threshold)).sum()) if rule and threshold is not None else 0
        )
        parity = replace(
            parity, int8_largest_move=small_move, int8_flipped=flips, eer=eer(error_rates(before, same))[0],
            int8_eer=eer(error_rates(of_small, same))[0],
        )  # fmt: skip
        _write(out.with_suffix(".int8.onnx"), small, _card(model, rule, parity, kind="int8"))
    _write(out, content, _card(model, model.rule, parity))
    return parity


def exported_bytes(model: Model) -> bytes:
    """The float file as bytes, for a server that is given a .twin file."""
    return _with_card(_onnx(model), _card(model, model.rule, None))


def _golden(
    model: Model, golden: str | Path | Dataset | None, seed: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    if golden is None:
        p = model.preprocess
        noise = stream(seed, "golden").integers(0, 256, (64, p.height, p.width, p.channels), np.uint8)
        return noise, np.arange(64) // 2
    data = golden if isinstance(golden, Dataset) else open_dataset(golden)
    store = load(data, model.preprocess, progress=progress)
    return store.images(np.arange(len(store))), store.dataset.labels()


def _pairs(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs, or as many genuine and impostor ones by chance."""
    first, second = np.triu_indices(len(labels), 1)
    same = labels[first] == labels[second]
    rng, keep = stream(seed, "golden pairs"), []
    for kind in (same, ~same):
        rows = np.flatnonzero(kind)
        keep.append(rows if len(rows) <= _PAIRS // 2 else np.sort(rng.choice(rows, _PAIRS // 2, replace=False)))
    rows = np.concatenate(keep)
    return first[rows], second[rows]


def _onnx(model: Model) -> bytes:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtra("exporting needs onnx and onnxruntime. Next: pip install 'twinnet[onnx]'.") from error
    p = model.preprocess
    encoder = copy.deepcopy(model.encoder).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    example = torch.zeros(2, p.channels, p.height, p.width)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is called legacy
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            encoder, (example,), str(path), input_names=["images"], output_names=["embeddings"],
            dynamic_axes={"images": {0: "n"}, "embeddings": {0: "n"}}, dynamo=False,
        )  # fmt: skip
        return path.read_bytes()


def _quantised(content: bytes, images: np.ndarray) -> bytes:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter([{"images": images[i : i + 32]} for i in range(0, len(images), 32)])

        def get_next(self) -> Any:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder:
        whole, ready, small = (Path(folder) / f"{n}.onnx" for n in ("whole", "ready", "small"))
        whole.write_bytes(content)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready), str(small), Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
        )  # fmt: skip
        return small.read_bytes()


def _card(model: Model, rule: DecisionRule | None, parity: Parity | None, kind: str = "float32") -> dict[str, Any]:
    learned = None
    if isinstance(model.comparison, Learned):
        learned = {"weight": model.comparison.weight.tolist(), "bias": float(model.comparison.bias)}
    return {
        "format": FORMAT, "kind": kind,
        "fingerprint": model.fingerprint if kind == "float32" else f"{model.fingerprint}-{kind}",
        "encoder": model.spec.name, "dim": model.spec.dim, "normalise": model.spec.normalise,
        "preprocess": model.preprocess.to_dict(), "comparison": comparison_name(model.comparison), "learned": learned,
        "rule": rule.to_dict() if rule else None, "parity": asdict(parity) if parity else None,
        "summary": model.facts.get("summary"),
    }  # fmt: skip


def _relearned(rule: DecisionRule | None, distances: np.ndarray, same: np.ndarray) -> DecisionRule | None:
    """The rule learned again on int8 distances, at the false-accept rate that the float rule has on the same pairs."""
    if rule is None:
        return None
    try:
        choice = choose_threshold(distances, same, method="eer")
    except CalibrationError:
        return rule
    if rule.far and rule.far.point > 0:
        impostors = np.sort(distances[~same])
        at = min(len(impostors) - 1, round(rule.far.point * len(impostors)))
        choice = choose_threshold(distances, same, method="given", value=float(impostors[at]))
    return replace(
        rule, threshold=choice.threshold, calibrator=fit_beta(distances, same), far=choice.far, frr=choice.frr,
        n_genuine=choice.n_genuine, n_impostor=choice.n_impostor, learned_on="the golden set of the export",
        abstain=None,
    )  # fmt: skip


def _moved(before: np.ndarray, after: np.ndarray, unit: float, threshold: float | None) -> tuple[float, int]:
    move = float(np.abs(after - before).max() / max(unit, 1e-9))
    return move, int(((before < threshold) != (after < threshold)).sum()) if threshold is not None else 0


def _distances(engine: Engine, images: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    parts: Sequence[np.ndarray] = [engine.embed_images(images[i : i + 256]) for i in range(0, len(images), 256)]
    embedded = np.concatenate(parts)
    return np.asarray(engine.paired(embedded[first], embedded[second]))


def _engine(content: bytes, card: dict[str, Any]) -> Engine:
    return Engine(_with_card(content, card))


def _with_card(content: bytes, card: dict[str, Any]) -> bytes:
    import onnx

    graph = onnx.load_from_string(content)
    entry = graph.metadata_props.add()
    entry.key, entry.value = CARD, json.dumps(card)
    return bytes(graph.SerializeToString())


def _write(path: Path, content: bytes, card: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(_with_card(content, card))
    partial.replace(path)
