"""Weights, then the threshold: the one loop, and calibration on identities that training never saw."""

from twinnet.training.calibration import calibrate
from twinnet.training.config import TrainConfig
from twinnet.training.run import train

__all__ = ["TrainConfig", "calibrate", "train"]
