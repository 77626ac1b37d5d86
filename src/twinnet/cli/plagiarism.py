"""`twinnet plagiarism`: which documents share passages, where, and how likely one was copied from another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli.training import Json

OptionalPath = Optional[Path]  # noqa: UP045  (Typer)


def plagiarism(
    place: Annotated[Path, typer.Argument(help="A folder with documents or source code; or one file.")],
    other: Annotated[OptionalPath, typer.Argument(help="A second file: compare just the two.")] = None,
    against: Annotated[OptionalPath, typer.Option(help="Compare with the documents here, not with each other.")] = None,
    template: Annotated[
        OptionalPath, typer.Option(help="A file or folder, such as the hand-out: its phrases do not count.")
    ] = None,
    skip_quoted: Annotated[bool, typer.Option("--skip-quoted", help="Text in quotation marks does not count.")] = False,
    common: Annotated[
        float, typer.Option(help="Phrases in more than this share of the documents do not count; 1 counts all.")
    ] = 0.5,
    by: Annotated[
        Literal["file", "folder"], typer.Option(help="What one submission is: a file, or a folder of files.")
    ] = "file",
    html: Annotated[OptionalPath, typer.Option(help="Write the report here, one self-contained page.")] = None,
    state: Annotated[
        OptionalPath, typer.Option(help="A file that keeps what was done: later runs do only what is new.")
    ] = None,
    learn: Annotated[
        OptionalPath, typer.Option(help="A CSV with first,second,copied and perhaps group: learn the weights from it.")
    ] = None,
    judge: Annotated[
        OptionalPath, typer.Option(help="Learned weights: read from this file, or with --learn written to it.")
    ] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="List pairs from this probability on, too.")] = 1.0,
    fail_above: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=0, max=1, help="Exit with 1 where a pair has at least this probability."),
    ] = None,
    json: Json = False,
) -> None:
    """Which documents share passages: all against all, all against sources, or two files.

    Reads text, Markdown, HTML, Word, PDF and source code; renamed identifiers, reworded and moved passages are found.
    A probability is no proof: read the passages, side by side in the report.

    Or `twinnet plagiarism essays/ --against sources/`, or `twinnet plagiarism a.java b.java`.

    Example: `twinnet plagiarism essays/ --html report.html`
    """
    from twinnet.apps.plagiarism import Judge, Options, compare_two, find_plagiarism, read_judge
    from twinnet.cli.plagiarism_answers import as_json, show
    from twinnet.cli.progress import bars
    from twinnet.cli.render import print_json, say

    if other is not None and (against or state or learn):
        raise typer.BadParameter("two files are compared by themselves: leave --against, --state and --learn out.")
    options = Options(template=template, skip_quoted=skip_quoted, common=common, by_folder=by == "folder")
    if learn:
        from twinnet.apps.plagiarism.labels import learn_judge

        judging: Judge | None = learn_judge(learn, place, against, options=options, progress=bars())
        if judge and judging:
            judging.save(judge)
    else:
        judging = read_judge(judge) if judge else None
    if other is not None:
        found, least = compare_two(place, other, options=options, judge=judging), 0.0
    else:
        found = find_plagiarism(place, against, options=options, state=state, judge=judging, progress=bars())
    if html:
        from twinnet.apps.plagiarism.report import write_report

        write_report(html, found, least=least, two_sided=against is not None)
    if json:
        print_json(as_json(found, " ".join(str(p) for p in (place, other, against) if p), least))
    else:
        show(found, least)
        if html:
            say(f"written: {html}")
    if fail_above is not None and any(match.probability >= fail_above for match in found.matches):
        raise typer.Exit(1)
