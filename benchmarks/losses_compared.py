"""The same backbone, data and minutes under every loss: one-shot reading of new alphabets, retrieval of new emoji.

    python benchmarks/losses_compared.py --omniglot images_background.zip --emoji emoji.zip --json compared.json

Every loss has its documented defaults and its usual comparison; none was tuned on these sets. Characters: 20-way
one-shot within an alphabet, across drawers, on alphabets that training never saw. Emoji: each held-out picture is
searched for among all the others, and the three right answers are by other designers (Recall@1; MAP@R, Musgrave et
al. 2020). Nothing chooses among checkpoints: the last weights count. A run found in the JSON is not made again.
Minutes are of computing (`--clock cpu`), reading included, so that what else the machine does meets no loss harder.

Table in Markdown and figure from a JSON that is there, without a run:

    python benchmarks/losses_compared.py --json compared.json --write docs/benchmarks.md \\
        --figure docs/figures/losses.svg
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import load, split_identities
from twinnet.training.facts import versions

HELD_OUT = ["Armenian", "Early_Aramaic", "Korean", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Tagalog"]
# name → loss, its settings, and the shape P × K of its batches where the paper asks for another one.
RUNS: dict[str, dict[str, Any]] = {
    "supcon": {"loss": "supcon"},
    "nt_xent": {"loss": "nt_xent"},
    "n_pairs": {"loss": "n_pairs", "identities_per_batch": 64, "items_per_identity": 2},
    "contrastive": {"loss": "contrastive"},
    "bce": {"loss": "bce"},
    "triplet": {"loss": "triplet"},
    "triplet, semi-hard": {"loss": "triplet", "loss_settings": {"miner": "semi_hard"}},
    "triplet, batch-hard, soft": {
        "loss": "triplet",
        "loss_settings": {"miner": "batch_hard", "soft": True, "margin": 0.0},
    },
    "multi_similarity": {"loss": "multi_similarity"},
    "circle": {"loss": "circle"},
    "nca": {"loss": "nca"},
    "prototypical": {"loss": "prototypical"},
    "arcface": {"loss": "arcface"},
    "cosface": {"loss": "cosface"},
    "proxy_anchor": {"loss": "proxy_anchor"},
    "cross_entropy": {"loss": "cross_entropy"},
}
Judge = Callable[[twinnet.Model], dict[str, Any]]


def main() -> None:
    """Make the runs that are still missing, print the table as it grows, write JSON and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--omniglot", type=Path)
    parser.add_argument("--emoji", type=Path)
    parser.add_argument("--hold-out", nargs="+", default=HELD_OUT, help="alphabets that are judged on")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu", help="whose minutes")
    parser.add_argument("--losses", nargs="+", default=["all"], help=f"all, or some of: {', '.join(RUNS)}")
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--write", type=Path, help="put the JSON's rows into this page, between its marks; run nothing")
    args = parser.parse_args()
    if args.write:
        rows = _known(args.json)
        page = args.write.read_text()
        before, after = page.index(MARK) + len(MARK), page.index(END)
        args.write.write_text(f"{page[:before]}\n\n{markdown(rows)}\n\n{page[after:]}")
        if args.figure:
            figure(rows, args.figure)
        return
    torch.set_num_threads(args.threads)
    names = list(RUNS) if args.losses == ["all"] else args.losses
    settings = {key: getattr(args, key) for key in ("minutes", "clock", "encoder", "threads", "seed")}
    rows = [row for row in _known(args.json) if all(row[key] == value for key, value in settings.items())]
    for task, size_px, train, judge in tasks(args):
        for name in names:
            if any(row["task"] == task and row["name"] == name for row in rows):
                continue
            config = twinnet.TrainConfig(
                encoder=args.encoder, size_px=size_px, minutes=args.minutes, seed=args.seed, **RUNS[name],
                validation_share=0.0, calibration_share=0.0,
            )  # fmt: skip
            rows.append({"task": task, "name": name, **settings, **run(train, config, args.clock, judge)})
            show(rows)
            if args.json:
                report = {"arguments": vars(args), "rows": rows, "versions": versions()}
                args.json.write_text(json.dumps(report, default=str, indent=1))
    show(rows)
    if args.figure:
        figure(rows, args.figure)


def _known(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def tasks(args: argparse.Namespace) -> list[tuple[str, int, twinnet.Dataset, Judge]]:
    """Name, input size in pixels, training data, and how a model is judged."""
    found: list[tuple[str, int, twinnet.Dataset, Judge]] = []
    if args.omniglot:
        rest, alphabets = twinnet.hold_out(twinnet.omniglot(args.omniglot), args.hold_out)
        found.append(("characters", 28, rest, lambda model: one_shot(model, alphabets)))
    if args.emoji:
        learned, pictures = split_identities(twinnet.open_dataset(args.emoji), [0.5, 0.5], args.seed)
        found.append(("emoji", 32, learned, lambda model: retrieval(model, pictures)))
    return found


def run(data: twinnet.Dataset, config: twinnet.TrainConfig, clock: str, judge: Judge) -> dict[str, Any]:
    """One row: train, then judge. A run that training's doctor stopped says so."""
    cpu = time.process_time()
    read = time.process_time if clock == "cpu" else time.monotonic
    told = SimpleNamespace(**{**vars(time), "monotonic": read, "perf_counter": read})
    try:
        with patch("twinnet.training.loop.time", told), patch("twinnet.training.run.time", told):
            model = twinnet.train(data, config)
    except twinnet.TrainingError as error:
        return {"failed": str(error)}
    facts = model.facts
    return {
        "comparison": config.known_comparison,
        "steps": facts["steps"],
        "images_per_s": round(facts["items_seen"] / facts["training_seconds"]),
        "cpu_s": round(time.process_time() - cpu, 1),
        **judge(model),
    }


def one_shot(model: twinnet.Model, alphabets: twinnet.Dataset) -> dict[str, Any]:
    error = twinnet.evaluate(
        model, alphabets, protocol="nway", ways=20, episodes=2000, within_groups=True, across_sessions=True
    ).metrics["error"]
    return {"error": [error.point, error.low, error.high]}


def retrieval(model: twinnet.Model, pictures: twinnet.Dataset) -> dict[str, Any]:
    store = load(pictures, model.preprocess)
    embeddings = model.embed(store)
    recall, map_at_r = search(model.cross(embeddings, embeddings), store.dataset.labels())
    return {"recall_at_1": float(recall.mean()), "map_at_r": float(map_at_r.mean()), "queries": len(recall)}


def search(distances: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
    """Recall@1 and MAP@R of every query `(N,)`; R is the number of its right answers."""
    distances = np.array(distances, dtype=np.float64)
    np.fill_diagonal(distances, np.inf)
    right = labels[np.argsort(distances, axis=1, kind="stable")] == labels[:, None]  # (N, N), the query itself last
    right[:, -1] = False
    r = right.sum(1, keepdims=True)
    place = np.arange(1, len(labels) + 1)
    precision = right.cumsum(1) / place  # (N, N)
    map_at_r = (precision * right * (place <= r)).sum(1) / np.maximum(r[:, 0], 1)
    has = r[:, 0] > 0
    return right[has, 0].astype(np.float64), map_at_r[has]


MARK, END = "<!-- losses_compared.py -->", "<!-- losses_compared.py ends -->"
COLUMNS = ("loss", "comparison", "one-shot error [95 %]", "Recall@1", "MAP@R", "steps: characters", "emoji")


def cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    """One line of the table for every loss."""
    found = []
    for name in dict.fromkeys(row["name"] for row in rows):
        by = {row["task"]: row for row in rows if row["name"] == name}
        characters, emoji = by.get("characters", {}), by.get("emoji", {})
        some = characters or emoji
        error = "{:.1%} [{:.1%}, {:.1%}]".format(*characters["error"]) if "error" in characters else None
        line = [
            name,
            some.get("comparison", "-"),
            error or _missing(characters),
            f"{emoji['recall_at_1']:.1%}" if "recall_at_1" in emoji else _missing(emoji),
            f"{emoji['map_at_r']:.1%}" if "map_at_r" in emoji else _missing(emoji),
            str(characters.get("steps", "-")),
            str(emoji.get("steps", "-")),
        ]
        found.append([cell.replace("%", " %") for cell in line])
    return found


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(*COLUMNS)
    for line in cells(rows):
        table.add_row(*line)
    Console(width=130).print(table)


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *cells(rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _missing(row: dict[str, Any]) -> str:
    return "stopped" if "failed" in row else "-"


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Two panels of bars, losses in the order of the first panel's result; SVG by hand, so that it needs no library."""
    measures = [
        ("characters", "error", "One-shot error, new alphabets (less is better)"),
        ("emoji", "map_at_r", "MAP@R, new emoji (more is better)"),
    ]
    found = {
        task: {row["name"]: row[key] for row in rows if row["task"] == task and key in row} for task, key, _ in measures
    }
    names = list(dict.fromkeys(row["name"] for row in rows))
    names.sort(key=lambda name: np.atleast_1d(found["characters"].get(name, 1.0))[0])
    line, left, wide, gap = 22, 190, 260, 90
    height = 60 + line * len(names)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + 2 * (wide + gap)} {height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Every loss: one-shot error on new alphabets, and MAP@R on new emoji</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for i, name in enumerate(names):
        parts.append(f'<text x="{left - 10}" y="{58 + line * i}" text-anchor="end">{name}</text>')
    for panel, (task, _, title) in enumerate(measures):
        x = left + panel * (wide + gap)
        parts.append(f'<text x="{x}" y="24" font-weight="bold">{title}</text>')
        most = max((float(np.max(value)) for value in found[task].values()), default=1.0)
        for i, name in enumerate(names):
            if name not in found[task]:
                continue
            point, *interval = np.atleast_1d(found[task][name])
            y = 44 + line * i
            parts.append(f'<rect x="{x}" y="{y}" width="{wide * point / most:.1f}" height="16" fill="#4477aa"/>')
            end = point
            if interval:
                low, end = interval
                ends = f'x1="{x + wide * low / most:.1f}" x2="{x + wide * end / most:.1f}"'
                parts.append(f'<line {ends} y1="{y + 8}" y2="{y + 8}" stroke="black" stroke-width="1.5"/>')
            parts.append(f'<text x="{x + wide * end / most + 6:.1f}" y="{y + 13}">{point:.1%}</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
