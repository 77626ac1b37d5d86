"""Weights, then the threshold: the one loop, and calibration on identities that training never saw."""

from twinnet.train.calibrate import calibrate
from twinnet.train.config import TrainConfig
from twinnet.train.train import train

__all__ = ["TrainConfig", "calibrate", "train"]
