"""Anomalies: learn what good looks like from good samples alone, and keep a promised rate of false alarms."""

from twinnet.apps.anomalies.detector import Detector, Inspected
from twinnet.apps.anomalies.fit import FitConfig, fit
from twinnet.apps.anomalies.judge import judge

__all__ = ["Detector", "FitConfig", "Inspected", "fit", "judge"]
