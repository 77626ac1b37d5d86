"""What averaging adds at test time: nine shifted copies of each picture, several networks, or both.

    python benchmarks/omniglot_averaged.py --data images_background.zip --keep omniglot/ --minutes 3 10 30

The models are those that `omniglot_recipe.py --keep` left. Shifts are of a pixel in each direction; the embeddings of a
picture's copies are added up and brought to length 1, those of several networks stand side by side. Neither is the
recipe's own result, which is one network that looks once: an answer here costs 9, or as many as there are networks,
times as much. Error of 20-way one-shot within an alphabet, as there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

import twinnet
from omniglot_recipe import REPORTED
from twinnet.data import ImageStore, load
from twinnet.evaluation import nway, templates

Embeddings = npt.NDArray[np.float32]


def main() -> None:
    """A row for each length of training: as the recipe, by shifts, by networks, by both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--keep", required=True, type=Path)
    parser.add_argument("--minutes", nargs="+", type=float, required=True)
    args = parser.parse_args()
    _, held = twinnet.hold_out(twinnet.omniglot(args.data), REPORTED)
    table = Table(title="20-way one-shot error within an alphabet, all drawers")
    for column in ("minutes", "networks", "as they are", "nine shifts", "side by side", "side by side, nine shifts"):
        table.add_column(column)
    for minutes in args.minutes:
        models = [twinnet.load(path) for path in kept(args.keep, minutes)]
        if not models:
            parser.error(f"{args.keep} holds no run of {minutes:g} minutes. Next: omniglot_recipe.py")
        store = load(held, models[0].preprocess)
        once = [on_sphere(model.embed(store)) for model in models]
        often = [shifted(model, store) for model in models]
        together = (
            [f"{error(np.concatenate(of, 1), store):.2%}" for of in (once, often)] if len(models) > 1 else ["", ""]
        )
        table.add_row(f"{minutes:g}", str(len(models)), _span(once, store), _span(often, store), *together)
    Console(width=140).print(table)


def kept(folder: Path, minutes: float) -> list[Path]:
    """Of the recipe unchanged, all seeds."""
    rows = {path: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    same = {"held_out": REPORTED[0], "minutes": minutes, "change": "", "alphabets": 0}
    return [path.with_suffix(".twin") for path, row in rows.items() if same.items() <= row.items()]


def on_sphere(embeddings: Embeddings) -> Embeddings:
    """Rows `(N, D)` to length 1."""
    return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))


def shifted(model: twinnet.Model, store: ImageStore) -> Embeddings:
    """The mean embedding `(N, D)` of nine copies, on the sphere. What comes in at the edge is background, black."""
    images = store.images(np.arange(len(store)))
    height, width = images.shape[1:3]
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = [(y, x) for y in range(3) for x in range(3)]
    found = [model.embed_images(wide[:, y : y + height, x : x + width]) for y, x in places]
    return on_sphere(np.sum(found, axis=0))


def error(embeddings: Embeddings, store: ImageStore) -> float:
    """Over the same 2,000 episodes as in `omniglot_recipe.py`, by the cosine."""
    of = store.dataset
    distance = templates(embeddings, lambda a, b: 1 - a @ b.T, normalise=True)
    result = nway(distance, of.labels(), ways=20, episodes=2000, groups=of.groups, sessions=of.sessions)
    return result.metrics["error"].point


def _span(found: list[Embeddings], store: ImageStore) -> str:
    errors = [error(each, store) for each in found]
    return f"{np.mean(errors):.2%}" + (f" [{min(errors):.2%}, {max(errors):.2%}]" if len(errors) > 1 else "")


if __name__ == "__main__":
    main()
