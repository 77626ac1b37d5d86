"""The command that looks at data before training: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def doctor(
    data: Annotated[Path, typer.Argument(help="Folder or zip with one folder per identity, or a CSV.")],
    against: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option(help="Other data, such as the test set, that must share nothing with this."),
    ] = None,
    model: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A model file: look for mislabelled items by its embeddings."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed that train will split with.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Look at data before training: leaks, copies, mislabelled and unreadable items, shortcuts.

    The exit code is 1 where something makes results worthless, such as equal pictures on both sides of a split, and 0
    otherwise. `docs/doctor.md` says what each finding means.

    Example: `twinnet doctor people/ --against test/`
    """
    from twinnet.apps.doctor import doctor as run
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, print_json, say
    from twinnet.evaluation import report_json
    from twinnet.model import load
    from twinnet.training.facts import versions

    loaded = load(model) if model else None
    found = run(data, against=against, model=loaded, seed=seed, progress=bars())
    if json:
        mark = loaded.fingerprint if loaded else ""
        answer = report_json("doctor", None, found.metrics, found.counts, found.data, mark, seed, versions())
        print_json({**answer, "findings": [finding.to_dict() for finding in found.findings]})
    else:
        for finding in found.findings:
            say(f"{finding.severity}: {finding.line()}")
        aucs = {name: figure for name, figure in found.metrics.items() if name.startswith("auc")}
        if aucs:
            figures("What trivial numbers know of who is the same (50 %: nothing)", aucs)
        if not any(finding.severity != "note" for finding in found.findings):
            say("nothing stands against training on this")
    if found.stops:
        raise typer.Exit(1)
