"""twinnet: Siamese networks for the question *same or different?*

The public face. Names load when first used, so that importing twinnet is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinnet.apps.evaluate import evaluate
    from twinnet.core.errors import (
        CalibrationError,
        ConfigError,
        DataError,
        LeakError,
        ModelFileError,
        NotCalibrated,
        TooFewImpostors,
        TrainingError,
        TwinnetError,
    )
    from twinnet.core.types import Decision, Interval
    from twinnet.data import Dataset, Preprocess, digits, from_arrays, hold_out, omniglot, open_dataset
    from twinnet.decide import DecisionRule
    from twinnet.evaluation import Result
    from twinnet.model import Model, load
    from twinnet.training import TrainConfig, calibrate, train

__version__ = "0.1.0"

_HOME = {
    "CalibrationError": "core.errors",
    "ConfigError": "core.errors",
    "DataError": "core.errors",
    "Dataset": "data",
    "Decision": "core.types",
    "DecisionRule": "decide",
    "Interval": "core.types",
    "LeakError": "core.errors",
    "Model": "model",
    "ModelFileError": "core.errors",
    "NotCalibrated": "core.errors",
    "Preprocess": "data",
    "Result": "evaluation",
    "TooFewImpostors": "core.errors",
    "TrainConfig": "training",
    "TrainingError": "core.errors",
    "TwinnetError": "core.errors",
    "calibrate": "training",
    "digits": "data",
    "evaluate": "apps.evaluate",
    "from_arrays": "data",
    "hold_out": "data",
    "load": "model",
    "omniglot": "data",
    "open_dataset": "data",
    "train": "training",
}

__all__ = [
    "CalibrationError",
    "ConfigError",
    "DataError",
    "Dataset",
    "Decision",
    "DecisionRule",
    "Interval",
    "LeakError",
    "Model",
    "ModelFileError",
    "NotCalibrated",
    "Preprocess",
    "Result",
    "TooFewImpostors",
    "TrainConfig",
    "TrainingError",
    "TwinnetError",
    "calibrate",
    "digits",
    "evaluate",
    "from_arrays",
    "hold_out",
    "load",
    "omniglot",
    "open_dataset",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'twinnet' has no attribute {name!r}")
    return getattr(import_module(f"twinnet.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
