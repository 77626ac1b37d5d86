"""How the gallery's commands open, ask and answer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from twinnet.apps.gallery import Gallery, import_into
from twinnet.cli.progress import bars
from twinnet.cli.render import notes, print_json, say
from twinnet.core.errors import ConfigError, GalleryError
from twinnet.core.types import Decision
from twinnet.decide import far_in_gallery
from twinnet.evaluation import bare, report_json
from twinnet.gallery import AnyStore, Dtype, Match, Place, open_store, there
from twinnet.gallery.local.seal import KEY_VARIABLE
from twinnet.training.facts import versions


def key_of(file: Path | None) -> str | None:
    """The key, from the file or the environment; None where neither is given."""
    if file is None:
        return os.environ.get(KEY_VARIABLE) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GalleryError(f"{file}: the key cannot be read ({error}).") from error


def opened(path: Place, model: Path | None, key_file: Path | None) -> Gallery:
    """An existing gallery with its model."""
    return Gallery.open(path, model, key=key_of(key_file), tell=lambda text: notes([text]))


def made(
    path: Place, model: Path | None, dtype: Dtype, keep_originals: bool, encrypt: bool, key_file: Path | None
) -> Gallery:
    """The gallery, new where there is none."""
    if there(path):
        return opened(path, model, key_file)
    if model is None:
        raise GalleryError(f"{path}: a new gallery needs its model. Next: add --model FILE.")
    key = _key_for_new(encrypt, key_file)
    return Gallery.create(path, model, dtype=dtype, keep_originals=keep_originals, key=key)


def metadata(pairs: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE as a dict of texts."""
    found = {}
    for pair in pairs or []:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ConfigError(f"{pair!r} is not NAME=VALUE.")
        found[name] = value
    return found


def counted(
    known: Gallery | AnyStore, command: str, counts: Mapping[str, int], json: bool, said: str, /, **more: Any
) -> None:
    """An answer that is counts."""
    store = known.store if isinstance(known, Gallery) else known
    if json:
        print_json({**_report(store, command, {}, counts), **more})
    else:
        say(said)


def decided(known: Gallery, name: str, image: Path, decision: Decision, json: bool) -> None:
    """A 1:1 answer."""
    if json:
        values = {"distance": bare(decision.distance), "threshold": bare(decision.threshold)}
        if decision.probability is not None:
            values["probability"] = bare(decision.probability)
        if decision.far is not None:
            values["far"] = decision.far
        answer = _report(known.store, "verify", values, {}, str(image))
        print_json({**answer, "identity": name, "same": decision.same, "abstained": decision.abstained})
        return
    verdict = "too close to call" if decision.abstained else f"{name}" if decision.same else f"not {name}"
    sign = "<" if decision.distance < decision.threshold else "≥"
    say(f"{verdict}: distance {decision.distance:.4f} {sign} threshold {decision.threshold:.4f}")
    if decision.probability is not None:
        say(f"probability of being the same: {decision.probability:.1%} (where half of the comparisons are)")
    if decision.far is not None:
        far = decision.far
        say(f"false accepts at this threshold: {far.point:.2%} [{far.low:.2%}, {far.high:.2%}] of impostor pairs")


def matched(
    known: Gallery, command: str, image: Path, matches: Sequence[Match], json: bool, none: str, /, **more: Any
) -> None:
    """A 1:N answer; `more` goes into the JSON object."""
    if json:
        answer = _report(known.store, command, {}, {"matches": len(matches)}, str(image))
        print_json({**answer, "matches": [_match(match) for match in matches], **more})
        return
    for match in matches:
        sure = f", probability {match.probability:.1%}" if match.probability is not None else ""
        sign = "<" if match.same else "≥"
        close = ", too close to call" if match.abstained else ""
        bound = f" {sign} threshold {match.threshold:.4f}" if match.threshold == match.threshold else ""
        say(f"{match.identity}: distance {match.distance:.4f}{bound}{sure}{close} {match.source}".rstrip())
    if not matches:
        say(none)
    elif command == "identify" and matches[0].far_in_gallery is not None:
        first, size = matches[0], known.store.n_identities
        at_most = f", at most {far_in_gallery(first.far.high, size):.1%} by the interval of FAR" if first.far else ""
        say(f"a stranger is accepted as somebody here with probability {first.far_in_gallery:.1%}, about{at_most}")


def listed(path: Place, key_file: Path | None, json: bool) -> None:
    """All identities; needs no model."""
    with _bare(path, key_file) as store:
        found = store.enrolled()
        if json:
            rows = [{"name": one.name, "templates": one.templates, "items": one.items} for one in found]
            print_json({**_report(store, "list", {}, {"identities": len(found)}), "identities": rows})
            return
        for one in found:
            say(f"{one.name}: {one.items} items in {one.templates} templates")


def described(path: Place, key_file: Path | None, json: bool) -> None:
    """The gallery in numbers."""
    with _bare(path, key_file) as store:
        known = store.info()
        counts = {
            name: getattr(known, name) for name in ("identities", "templates", "items", "originals", "bytes_on_disk")
        }
        notes(known.notes)
        if json:
            more = {"index": known.index, "encrypted": known.encrypted, "binding": known.binding.to_dict()}
            print_json({**_report(store, "info", {}, counts), **more})
            return
        for name, count in counts.items():
            say(f"{name.replace('_', ' ')}: {count:,}")
        bound = known.binding
        say(f"model: {bound.fingerprint} {bound.model_path}")
        say(f"embeddings: {bound.dim} numbers of {bound.dtype}, {bound.comparison} distance, index {known.index}")
        say(f"encrypted: {'yes' if known.encrypted else 'no'}")


def forgotten(path: Place, names: Sequence[str], key_file: Path | None, json: bool) -> None:
    """Erase."""
    with _bare(path, key_file) as store:
        done = store.forget(names)
        if not done.erased:
            waiting = (
                "another process still reads an older state; the bytes leave the disk when the gallery is opened next"
            )
            notes([done.remark or waiting])
        counts = {"identities": len(done.names), "templates": done.templates}
        counted(store, "forget", counts, json, f"forgotten: {', '.join(done.names)}", erased=done.erased)


def exported(path: Place, out: Path, key_file: Path | None, json: bool) -> None:
    """To Parquet."""
    from twinnet.gallery import export

    with _bare(path, key_file) as store:
        n = export(store, out, progress=bars())
        if store.info().encrypted:
            notes([f"{out} is not encrypted"])
        counted(store, "export", {"templates": n}, json, f"written: {out} ({n:,} templates)")


def imported(path: Place, file: Path, model: Path | None, encrypt: bool, key_file: Path | None, json: bool) -> None:
    """From Parquet."""
    key = key_of(key_file) if there(path) else _key_for_new(encrypt, key_file)
    n = import_into(path, file, model, key=key, progress=bars())
    with open_store(path, key=key) as store:
        counted(store, "import", {"templates": n}, json, f"{n:,} templates imported into {path}")


def checked(path: Place, key_file: Path | None, json: bool) -> None:
    """Whether all is whole."""
    with _bare(path, key_file) as store:
        found = store.problems()
        counts = {"templates": store.n_templates if not found else 0, "problems": len(found)}
        counted(store, "verify-integrity", counts, json, "\n".join(found) or "every byte is whole", problems=found)
    if found:
        raise typer.Exit(1)


def rebuilt(path: Place, key_file: Path | None, json: bool) -> None:
    """A new index."""
    with _bare(path, key_file) as store:
        store.rebuild()
        counted(store, "rebuild", {"templates": store.n_templates}, json, f"the index of {path} was made anew")


def doubled(known: Gallery, json: bool) -> None:
    """Pairs that may be one."""
    found = known.duplicates(progress=bars())
    pairs = [{"first": p.first, "second": p.second, "distance": p.distance, "threshold": p.threshold} for p in found]
    lines = [f"{p.first} and {p.second}: distance {p.distance:.4f} < threshold {p.threshold:.4f}" for p in found]
    counted(known, "duplicates", {"pairs": len(found)}, json, "\n".join(lines) or "no two are this near", pairs=pairs)


def _bare(path: Place, key_file: Path | None) -> AnyStore:
    """Without its model: these commands need no picture embedded, so torch has no work to do."""
    store = open_store(path, key=key_of(key_file))
    store.tell = lambda text: notes([text])
    return store


def _key_for_new(encrypt: bool, key_file: Path | None) -> str | None:
    if not encrypt:
        return None
    key = key_of(key_file)
    if key is None:
        raise GalleryError(f"--encrypt needs a key. Next: set {KEY_VARIABLE}, or add --key-file FILE.")
    return key


def _match(match: Match) -> dict[str, Any]:
    far = match.far
    return {
        "identity": match.identity, "distance": match.distance, "threshold": match.threshold, "same": match.same,
        "abstained": match.abstained, "probability": match.probability,
        "far": {"value": far.point, "low": far.low, "high": far.high} if far else None,
        "far_in_gallery": match.far_in_gallery, "source": match.source, "metadata": dict(match.metadata),
    }  # fmt: skip


def _report(store: AnyStore, command: str, values: Any, counts: Mapping[str, int], data: str = "") -> dict[str, Any]:
    return report_json(
        f"gallery {command}",
        None,
        values,
        counts,
        data or str(store.place),
        store.binding.fingerprint,
        None,
        versions(),
    )
