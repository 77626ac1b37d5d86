"""What the figures are called, and the main one in a sentence."""

from __future__ import annotations

from twinnet.core.types import Interval
from twinnet.decide import DecisionRule
from twinnet.evaluation import Result

WORDS = {
    "eer": "equal error rate (EER)",
    "auc": "area under the ROC (AUC)",
    "accuracy": "accuracy",
    "error": "error",
    "far": "false accepts (FAR)",
    "frr": "false rejects (FRR)",
    "rank_1": "rank 1",
    "map_at_r": "MAP@R",
    "r_precision": "R-precision",
    "precision_at_1": "precision@1",
}
_PREFIXES = (
    ("tar_at_far_", "genuine accepted at FAR "),
    ("dir_at_fpir_", "identified at FPIR "),
    ("recall_at_", "recall@"),
    ("precision_at_", "precision@"),
    ("rank_", "rank "),
    ("eer_", "EER, "),
)


def named(name: str) -> str:
    """A figure's name in words: `tar_at_far_1e-2` → `genuine accepted at FAR 1e-2`."""
    if name in WORDS:
        return WORDS[name]
    for prefix, words in _PREFIXES:
        if name.startswith(prefix):
            return words + name.removeprefix(prefix).replace("_", " ")
    return name.replace("_", " ")


def percent(interval: Interval) -> str:
    """`12.3 % (10.1–14.8 %)`."""
    known = f" ({span(interval)})" if interval.method else ""
    return f"{interval.point * 100:.1f} %{known}"


def span(interval: Interval) -> str:
    """`10.1–14.8 %`, or a dash where nobody measured it."""
    return f"{interval.low * 100:.1f}–{interval.high * 100:.1f} %" if interval.method else "–"


def figure_rows(result: Result) -> list[list[str]]:
    """One row per figure: name, value, interval, how the interval was made."""
    return [
        [named(name), _shown(name, i.point), _shown(name, i.low, i.high) if i.method else "–", i.method]
        for name, i in result.metrics.items()
    ]


def _shown(name: str, *values: float) -> str:
    # All our figures are shares, but for distances.
    form = ".4g" if name.startswith("threshold") or max(values) > 1 else ".2%"
    return " … ".join(f"{value:{form}}" for value in values)


def verdict(result: Result, rule: DecisionRule | None = None) -> str:
    """The main figures in a sentence or two."""
    metrics = result.metrics
    if by_threshold(result) and {"accuracy", "far", "frr", "eer"} <= set(metrics):
        return (
            f"At the stored threshold {percent(metrics['accuracy'])} of the answers are right: it wrongly accepts "
            f"{percent(metrics['far'])} of different pairs and wrongly rejects {percent(metrics['frr'])} of same "
            f"pairs. Where both errors are equal they are {percent(metrics['eer'])}." + promise(result, rule)
        )
    if "eer_clean" in metrics:
        worst = max(metrics, key=lambda name: metrics[name].point)
        return (
            f"On clean pictures the equal error rate is {percent(metrics['eer_clean'])}; the worst distortion, "
            f"{named(worst).removeprefix('EER, ')}, brings it to {percent(metrics[worst])}."
        )
    if by_threshold(result) and "eer" in metrics:
        return f"Where both errors are equal they are {percent(metrics['eer'])}. The model has no threshold yet."
    if result.protocol.startswith("nway") and "accuracy" in metrics:
        shots, ways = result.counts["shots"], result.counts["ways"]
        return (
            f"With {shots} example{'s' if shots > 1 else ''} of each of {ways} classes it reads "
            f"{percent(metrics['accuracy'])} of new items right; guessing would give {1 / ways:.1%}."
        )
    words = "; ".join(f"{named(name)} {percent(metrics[name])}" for name in _main(result)) + "."
    return words[0].upper() + words[1:]


def by_threshold(result: Result) -> bool:
    """Whether the protocol judges pairs at the stored threshold; lfw, for one, learns thresholds of its own."""
    return result.protocol.startswith(("verification", "koch"))


def promise(result: Result, rule: DecisionRule | None) -> str:
    """Whether the FAR found here fits the one that the model's threshold was stored with."""
    if rule is None or rule.far is None:
        return ""
    found, promised = result.metrics["far"], rule.far
    if found.low > promised.high:
        judged = "more than"
    elif found.high < promised.low:
        judged = "less than"
    else:
        judged = "in keeping with"
    return f" Its false accepts are {judged} the {percent(promised)} that were measured when the threshold was learned."


def origin(rule: DecisionRule | None) -> str:
    """Where the threshold came from."""
    if rule is None:
        return "The model has no threshold, so it measures distances and decides nothing."
    learned = f" on {rule.learned_on}" if rule.learned_on else ""
    pairs = f" ({rule.n_genuine:,} genuine and {rule.n_impostor:,} impostor pairs)" if rule.n_genuine else ""
    text = f"Same means distance < {rule.threshold:.6g}. The threshold was learned{learned}{pairs}, by: {rule.method}."
    if rule.abstain is not None:
        text += f" From {rule.abstain[0]:.4g} to {rule.abstain[1]:.4g} it is too close to call, and gives no answer."
    return text


def _main(result: Result) -> list[str]:
    """The figures that a protocol is known by, as far as the result has them; otherwise its first ones."""
    metrics = result.metrics
    first = ("accuracy", "error", "rank_1", "recall_at_1", "precision_at_1", "map_at_r", "r_precision", "eer")
    wanted = [name for name in first if name in metrics]
    wanted += [name for name in metrics if name.startswith("dir_at_fpir_")]
    return (wanted or list(metrics))[:3]
