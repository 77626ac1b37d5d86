"""5b How it decides: error rates, intervals, threshold, probability, the rule. NumPy only; plain arrays in and out."""

from twinnet.decide.intervals import WeightedRates, clopper_pearson, over_identities
from twinnet.decide.probability import CALIBRATORS, Isotonic, Platt, brier, fit_isotonic, fit_platt
from twinnet.decide.rates import auc, eer, error_rates, frr_at_far, rates_at
from twinnet.decide.rule import DecisionRule, far_in_gallery
from twinnet.decide.threshold import ThresholdChoice, choose_threshold, impostors_needed

__all__ = [
    "CALIBRATORS",
    "DecisionRule",
    "Isotonic",
    "Platt",
    "ThresholdChoice",
    "WeightedRates",
    "auc",
    "brier",
    "choose_threshold",
    "clopper_pearson",
    "eer",
    "error_rates",
    "far_in_gallery",
    "fit_isotonic",
    "fit_platt",
    "frr_at_far",
    "impostors_needed",
    "over_identities",
    "rates_at",
]
