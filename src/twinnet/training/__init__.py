"""Weights, then the threshold: the one loop, and calibration on identities that training never saw."""

from twinnet.training.calibrate import calibrate
from twinnet.training.config import TrainConfig
from twinnet.training.train import train

__all__ = ["TrainConfig", "calibrate", "train"]
