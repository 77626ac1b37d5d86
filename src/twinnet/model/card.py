"""The model card: what it is, what it learned from, how it decides, and what it must not be trusted with."""

from __future__ import annotations

from twinnet.core.types import Interval
from twinnet.decide import DecisionRule, far_in_gallery
from twinnet.encoders.adapters import Backbone
from twinnet.model.model import Model, comparison_name

GALLERIES = (10, 100, 1_000, 10_000)


def card(model: Model) -> str:
    """The card in Markdown."""
    spec, pre, facts = model.spec, model.preprocess, model.facts
    weights = sum(p.numel() for p in model.encoder.parameters())
    lines = [
        "# Model card",
        "",
        f"- **Fingerprint** {model.fingerprint} (weights, preprocessing and comparison)",
        f"- **Encoder** {spec.name}, {weights:,} weights, embeddings of {spec.dim} numbers"
        + (" on the unit sphere" if spec.normalise else ""),
        *_backbone(model),
        f"- **Input** {pre.height} × {pre.width}, {'grey' if pre.channels == 1 else 'colour'}, fit by {pre.fit}"
        + (", ink made bright" if pre.polarity == "bright_ink" else "")
        + (", trimmed to the ink" if pre.trim else "")
        + (f", paper removed, ink {pre.ink}" if pre.ink != "as_is" else "")
        + (f", the middle {pre.centre:.0%} of both sides" if pre.centre < 1 else ""),
        f"- **Comparison** {comparison_name(model.comparison)} distance; lower is more alike",
        "",
        "## Training",
        "",
    ]
    for title, key in (
        ("Data", "summary"), ("Source", "data_source"), ("Licence of the data", "data_licence"),
        ("Stopped by", "stopped"), ("Steps", "steps"), ("Seconds", "seconds"), ("Made by", "made_by"),
    ):  # fmt: skip
        if key in facts:
            lines.append(f"- **{title}** {facts[key]}")
    if "started_from" in facts:
        lines.append(f"- **Started from** the model {facts['started_from']}")
    config = facts.get("config", {})
    if config:
        batch = f"{config['identities_per_batch']} × {config['items_per_identity']}"
        lines.append(f"- **Loss** {config['loss']}, P × K = {batch}, seed {config['seed']}")
    if facts.get("best_validation_eer") is not None:
        lines.append(
            f"- **Best validation EER** {facts['best_validation_eer']:.2%} (it chose the weights, so it flatters)"
        )
    lines += ["", "## Decision", ""]
    rule = model.rule
    if rule is None:
        lines.append("No threshold yet: `twinnet calibrate MODEL DATA` learns one.")
    else:
        lines += [
            f"- **Same** means distance < {rule.threshold:.6g} ({rule.method})",
            f"- **False-accept rate** {_rate(rule.far)} on {rule.n_impostor:,} impostor pairs",
            f"- **False-reject rate** {_rate(rule.frr)} on {rule.n_genuine:,} genuine pairs",
            *_band(rule),
            f"- **Learned on** {rule.learned_on or 'unknown'}",
        ]
    lines += [
        "",
        "## Limits",
        "",
        "The rates hold for items like those that the threshold was learned on. Other cameras, pens, scripts or people "
        "can have other rates: measure them with `twinnet evaluate MODEL DATA` and calibrate again before relying on "
        "a verdict.",
    ]
    return "\n".join(lines) + "\n"


def _backbone(model: Model) -> list[str]:
    if model.spec.backbone is None:
        return []
    recipe = Backbone.from_dict(model.spec.backbone)
    weights = model.encoder.state_dict()
    held = sum(value.nbytes for name, value in weights.items() if name.startswith("trunk."))
    state = "frozen: only a head of our own was trained" if recipe.frozen else "fine-tuned"
    return [
        f"- **Backbone** {recipe.label}, {held / 1e6:,.1f} MB, {recipe.features:,} features, {state}. "
        "Its weights have a licence of their own"
    ]


def _band(rule: DecisionRule) -> list[str]:
    lines = []
    if (band := rule.band) is not None:
        lines += [
            f"- **Too close to call** from {band.low:.6g} to {band.high:.6g}: "
            f"{_rate(band.abstained_genuine)} of genuine, {_rate(band.abstained_impostor)} of impostor pairs",
            f"- **Outside it** FAR {_rate(band.far)}, FRR {_rate(band.frr)}",
        ]
    if rule.ece is not None and rule.brier is not None:
        lines.append(f"- **Probability** ECE {rule.ece:.3f}, Brier {rule.brier:.3f} on identities it was not fitted on")
    if chances := _in_galleries(rule):
        shown = (f"{n:,}: {i.point:.1%} [{i.low:.1%}, {i.high:.1%}]" for n, i in chances.items())
        lines.append(f"- **A stranger is accepted** in a gallery of {', '.join(shown)}")
    return lines + [f"- **Mind** {line}" for line in caveats(rule)]


def rule_metrics(rule: DecisionRule) -> dict[str, Interval]:
    """Every figure of a rule by name, as `calibrate` and `info` report them; those that nobody measured are absent."""
    found = {"threshold": _bare(rule.threshold), "far": rule.far, "frr": rule.frr}
    if (band := rule.band) is not None:
        found |= {"band_low": _bare(band.low), "band_high": _bare(band.high), "band_far": band.far}
        found |= {"band_frr": band.frr}
        found |= {"abstained_genuine": band.abstained_genuine, "abstained_impostor": band.abstained_impostor}
    found |= {"ece": _bare(rule.ece), "brier": _bare(rule.brier)}
    found |= {f"far_in_gallery_{n}": chance for n, chance in _in_galleries(rule).items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def caveats(rule: DecisionRule) -> list[str]:
    """What the figures of a rule do not say by themselves, one sentence or two each."""
    lines = []
    if rule.band is not None:
        lines.append("The band's rates come from the pairs that chose it, so they flatter: others' are often higher.")
    elif rule.method != "given" and rule.far is not None:
        lines.append("The rates come from the pairs that chose the threshold, which flatters them a little.")
    if rule.calibrator is not None and rule.ece is None:
        lines.append(
            "The probability was not judged on identities that it was not fitted on: "
            "that takes five folds of identities with both kinds of pair in each."
        )
    if _in_galleries(rule):
        lines.append(
            "The chances in a gallery take its comparisons to err independently. Where some strangers resemble many, "
            "most are accepted less often, and a few far more."
        )
    return lines


def _in_galleries(rule: DecisionRule) -> dict[int, Interval]:
    """By size, the chance that a stranger is accepted in a search, from the FAR of the verdicts and its interval."""
    if (far := rule.band.far if rule.band else rule.far) is None:
        return {}
    ends = {n: [far_in_gallery(rate, n) for rate in (far.low, far.point, far.high)] for n in GALLERIES}
    return {n: Interval(low, point, high, far.level, far.method) for n, (low, point, high) in ends.items()}


def _bare(value: float | None) -> Interval | None:
    return None if value is None else Interval(value, value, value)


def _rate(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    return f"{interval.point:.3%} [{interval.low:.3%}, {interval.high:.3%}] ({interval.method})"
