"""The whole idea in five minutes: twins learn from invented characters, and then tell real digits apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from twinnet.apps.contrast import Contrast, contrast
from twinnet.apps.demo_page import write_page
from twinnet.apps.evaluate import evaluate, template_distances
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import Dataset, ImageStore, Preprocess, digits, load
from twinnet.data.augment import Augment
from twinnet.data.invented import InventedCharacters
from twinnet.encoders import EncoderSpec
from twinnet.evaluation import Result, nway
from twinnet.model import Model
from twinnet.training.calibration import calibrate_store
from twinnet.training.config import TrainConfig
from twinnet.training.facts import versions
from twinnet.training.loop import fit
from twinnet.training.machine import choose
from twinnet.training.run import build_network
from twinnet.training.source import EndlessCharacters

# Amounts were chosen on the digits 0–4, which also set the threshold; the digits 5–9 had no say in anything.
CHARACTERS = InventedCharacters(resolution=8, jitter=0.09)
AUGMENT = Augment(rotation_deg=8, scale=0.08, shear=0.08, shift=0.05, elastic=0.015)
CONFIG = TrainConfig(
    encoder="compact", width=32, size_px=24, channels=1, loss="supcon", identities_per_batch=32, items_per_identity=4
)
_LEARNED, _NEW = ("0", "1", "2", "3", "4"), ("5", "6", "7", "8", "9")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo found, and where it put it."""

    model: Path
    page: Path
    result: Result
    one_shot: Result
    one_shot_pixels: Result
    contrast: Contrast
    summary: tuple[str, ...]


def demo(
    out: str | Path, *, minutes: float = 3.75, steps: int = 0, seed: int = 0, progress: Progress = SILENT
) -> Shown:
    """Train, calibrate on digits 0–4, judge on 5–9, contrast with a classifier; write a model and a page to `out`."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    config = replace(CONFIG, minutes=0.0 if steps else minutes, steps=steps, seed=seed)
    model = train_on_invented(config, progress)
    every = digits()
    store = load(every, model.preprocess)
    model = calibrate_store(model, _only(store, _LEARNED), seed=seed)
    unseen = _only(store, _NEW)
    result = evaluate(model, unseen, seed=seed)
    one_shot, pixels = read_digits(model, store, seed=seed)
    reading = {
        "one_shot_accuracy": one_shot.metrics["accuracy"],
        "one_shot_accuracy_pixels": pixels.metrics["accuracy"],
    }
    beside = contrast(model, store, _LEARNED, AUGMENT, config, progress=progress)
    path = folder / "digits.twin"
    model.save(path)
    examples = write_examples(folder, unseen)
    page = folder / "index.html"
    write_page(page, model, store, unseen, result, one_shot, pixels, beside, _drawings(seed))
    summary = (
        f"one-shot reading of ten digits, one stored embedding each: {one_shot.metrics['accuracy'].point:.1%} right "
        f"(nearest raw pixels: {pixels.metrics['accuracy'].point:.1%})",
        f"a plain classifier taught 0–4 calls every 5–9 one of 0–4, with {beside.confidence:.0%} confidence on average",
        f"model: {path}\npage:  {page}",
        f"next:  twinnet verify {path} {examples[0]} {examples[1]}",
    )
    result = replace(result, metrics={**result.metrics, **reading})
    return Shown(path, page, result, one_shot, pixels, beside, summary)


def train_on_invented(config: TrainConfig, progress: Progress = SILENT) -> Model:
    """Twins that have seen nothing but invented characters."""
    size = config.size_px
    source = EndlessCharacters(
        replace(CHARACTERS, seed=config.seed), Preprocess(size, size, 1),
        config.identities_per_batch, config.items_per_identity, seed=config.seed,
    )  # fmt: skip
    preprocess = Preprocess(size, size, 1).measured(np.concatenate([source.batch(10**9 + i).images for i in range(8)]))
    spec = EncoderSpec(config.encoder, config.channels, config.dim, config.width, dropout=config.dropout)
    network = build_network(spec, config)
    machine = choose(config.device, config.precision)
    learned = fit(network, source, preprocess.normalise, config, machine, augment=AUGMENT, progress=progress)
    facts = {
        "summary": f"invented characters: {learned.steps * config.identities_per_batch:,} identities, "
        f"{learned.items:,} drawings, none of them a digit",
        "config": config.to_dict(),
        "steps": learned.steps,
        "items_seen": learned.items,
        "seconds": round(learned.seconds, 1),
        "stopped": learned.stopped,
        "best_validation_eer": None,
        "versions": versions(),
    }
    return Model(network["encoder"].cpu(), network["comparison"].cpu(), preprocess, None, facts, spec)


def read_digits(model: Model, store: ImageStore, *, episodes: int = 2000, seed: int = 0) -> tuple[Result, Result]:
    """10-way one-shot reading by the twins, and by nearest raw pixels on the same episodes."""
    embeddings = model.embed(store)
    pixels = np.stack([store.dataset.read(i) for i in range(len(store))]).reshape(len(store), -1).astype(np.float64)

    def raw(support: IntArray, probe: IntArray) -> FloatArray:
        return np.asarray(np.linalg.norm(pixels[probe][:, None] - pixels[support[:, 0]][None], axis=2))

    labels = store.dataset.labels()

    def twins(support: IntArray, probe: IntArray) -> FloatArray:
        return template_distances(model, embeddings, support, probe)

    return (
        nway(twins, labels, ways=10, episodes=episodes, seed=seed),
        nway(raw, labels, ways=10, episodes=episodes, seed=seed),
    )


def write_examples(folder: Path, store: ImageStore) -> list[Path]:
    """Three digits as files, so that the next command has something to compare."""
    from PIL import Image

    data = store.dataset
    by = data.by_identity()
    first, second, *_ = sorted(by)
    chosen = {"five-a.png": by[first][0], "five-b.png": by[first][1], "six.png": by[second][0]}
    for name, i in chosen.items():
        Image.fromarray(data.read(int(i))[:, :, 0]).save(folder / name)
    return [folder / name for name in chosen]


def _only(store: ImageStore, names: tuple[str, ...]) -> ImageStore:
    data: Dataset = store.dataset
    rows = np.flatnonzero([data.identity_names[i] in names for i in data.labels()])
    part = data.subset(rows)
    return replace(store, dataset=part, pixels=store.images(rows))


def _drawings(seed: int) -> npt.NDArray[np.uint8]:
    characters = replace(CHARACTERS, seed=seed, resolution=32)
    rng = np.random.default_rng(seed)
    return np.stack([characters.draw(np.arange(12), rng) for _ in range(3)], axis=1)
