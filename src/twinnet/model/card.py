"""The model card: what it is, what it learned from, how it decides, and what it must not be trusted with."""

from __future__ import annotations

from twinnet.core.types import Interval
from twinnet.model.model import Model, comparison_name


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
        f"- **Input** {pre.height} × {pre.width}, {'grey' if pre.channels == 1 else 'colour'}, fit by {pre.fit}"
        + (", ink made bright" if pre.polarity == "bright_ink" else "")
        + (", trimmed to the ink" if pre.trim else ""),
        f"- **Comparison** {comparison_name(model.comparison)} distance; lower is more alike",
        "",
        "## Training",
        "",
    ]
    for title, key in (("Data", "summary"), ("Stopped by", "stopped"), ("Steps", "steps"), ("Seconds", "seconds")):
        if key in facts:
            lines.append(f"- **{title}** {facts[key]}")
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


def _rate(interval: Interval | None) -> str:
    if interval is None:
        return "not measured"
    return f"{interval.point:.3%} [{interval.low:.3%}, {interval.high:.3%}] ({interval.method})"
