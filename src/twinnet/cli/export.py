"""The command that makes a file for serving: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.commands import ModelFile
from twinnet.cli.training import Json, Seed


def export(
    model: ModelFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The ONNX file to write.")],
    golden: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option(help="Identities that training never saw, replayed to prove that nothing changes."),
    ] = None,
    int8: Annotated[bool, typer.Option("--int8/--no-int8", help="With --golden: also FILE.int8.onnx.")] = True,
    int8_flips: Annotated[float, typer.Option(help="Share of verdicts that int8 may change.")] = 0.02,
    tolerance: Annotated[float, typer.Option(help="How far a distance may move, as a share of the threshold.")] = 1e-4,
    accept_seen: Annotated[bool, typer.Option("--accept-seen", help="Golden identities may have taught it.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """A model as ONNX, with its preprocessing, threshold and a certificate that it decides as before.

    Nothing is written where a verdict of the golden set flips. `twinnet serve` runs the file without torch. A detector
    that `anomalies fit` wrote is exported, too.

    Example: `twinnet export people.twin -o people.onnx --golden others/`
    """
    from twinnet.apps.anomalies import Detector
    from twinnet.apps.export import export as run
    from twinnet.apps.export import export_detector, is_detector
    from twinnet.cli.progress import bars
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.model import load
    from twinnet.training.facts import versions

    if is_detector(model):
        moved = export_detector(Detector.load(model), out, seed=seed)
        if json:
            metrics = {"largest_move": bare(moved)}
            print_json({**report_json("export", None, metrics, {}, "", "", seed, versions()), "files": [str(out)]})
            return
        say(f"noise inspected by both: no alarm flips; the largest move of a distance is {moved:.1e}")
        say(f"written: {out}\nnext:    twinnet serve MODEL --detector {out}")
        return
    loaded = load(model)
    parity = run(
        loaded, out, golden, int8=int8, int8_flips=int8_flips, tolerance=tolerance, accept_seen=accept_seen, seed=seed,
        progress=bars(),
    )  # fmt: skip
    small = out.with_suffix(".int8.onnx") if parity.int8_flipped is not None else None
    if json:
        names = ("largest_move", "threshold", "int8_largest_move", "int8_threshold", "eer", "int8_eer")
        metrics = {name: bare(value) for name in names if (value := getattr(parity, name)) is not None}
        counts = {"images": parity.images, "pairs": parity.pairs, "flipped": parity.flipped}
        if parity.int8_flipped is not None:
            counts["int8_flipped"] = parity.int8_flipped
        data = str(golden) if golden else ""
        answer = report_json("export", None, metrics, counts, data, loaded.fingerprint, seed, versions())
        print_json({**answer, "files": [str(path) for path in (out, small) if path]})
        return
    what = f"{parity.images:,} golden images" if golden else f"{parity.images} images of noise (no --golden was given)"
    say(f"{what}, {parity.pairs:,} pairs: no verdict flips; the largest move of a distance is "
        f"{parity.largest_move:.1e} of the threshold")  # fmt: skip
    say(f"written: {out}")
    if small and parity.int8_flipped is not None:
        share = parity.int8_flipped / parity.pairs
        rates = f", equal error rate {parity.eer:.2%} → {parity.int8_eer:.2%}" if parity.eer is not None else ""
        at = f" at its own threshold {parity.int8_threshold:.6g}" if parity.int8_threshold is not None else ""
        say(f"written: {small}: {share:.2%} of the verdicts change{at}{rates}")
    say(f"next:    twinnet serve {small or out}")
