"""5b How it decides: error rates, intervals, threshold, probability, the rule. NumPy only; plain arrays in and out."""

from twinnet.decide.abstain import AbstainBand, abstain_band
from twinnet.decide.fit import CALIBRATORS, fit_beta, fit_isotonic, fit_platt
from twinnet.decide.intervals import clopper_pearson, joined, over_identities
from twinnet.decide.measured import cross_fitted, verdict_rates
from twinnet.decide.probability import Beta, Isotonic, Platt, calibrator_from_dict
from twinnet.decide.rates import auc, eer, error_rates, frr_at_far, rates_at
from twinnet.decide.reading import ReadingRule, by_character
from twinnet.decide.reliability import Reliability, brier, ece, reliability
from twinnet.decide.rule import DecisionRule, far_in_gallery
from twinnet.decide.spread import Spread, spread
from twinnet.decide.threshold import ThresholdChoice, choose_threshold, far_supported, impostors_needed
from twinnet.decide.weighted import WeightedRates

__all__ = [
    "CALIBRATORS",
    "AbstainBand",
    "Beta",
    "DecisionRule",
    "Isotonic",
    "Platt",
    "ReadingRule",
    "Reliability",
    "Spread",
    "ThresholdChoice",
    "WeightedRates",
    "abstain_band",
    "auc",
    "brier",
    "by_character",
    "calibrator_from_dict",
    "choose_threshold",
    "clopper_pearson",
    "cross_fitted",
    "ece",
    "eer",
    "error_rates",
    "far_in_gallery",
    "far_supported",
    "fit_beta",
    "fit_isotonic",
    "fit_platt",
    "frr_at_far",
    "impostors_needed",
    "joined",
    "over_identities",
    "rates_at",
    "reliability",
    "spread",
    "verdict_rates",
]
