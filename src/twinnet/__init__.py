"""twinnet: Siamese networks for the question *same or different?*

The public face. Names load when first used, so that importing twinnet is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from twinnet.core.version import __version__ as __version__

if TYPE_CHECKING:
    from twinnet.apps.evaluate import evaluate
    from twinnet.apps.gallery import Gallery
    from twinnet.apps.verify import verify
    from twinnet.client import Client
    from twinnet.core.errors import (
        CalibrationError,
        ConfigError,
        DataError,
        EmptyDataset,
        GalleryAway,
        GalleryBusy,
        GalleryDamaged,
        GalleryError,
        GalleryFull,
        LeakError,
        MissingExtra,
        ModelFileError,
        NotCalibrated,
        NotEnrolled,
        ServerError,
        TooFewIdentities,
        TooFewImpostors,
        TrainingError,
        TwinnetError,
        UnreadableItem,
        WrongKey,
        WrongModel,
    )
    from twinnet.core.types import Decision, Interval
    from twinnet.data import Dataset, Preprocess, digits, from_arrays, hold_out, omniglot, open_dataset
    from twinnet.decide import DecisionRule
    from twinnet.evaluation import Result
    from twinnet.model import Model, load
    from twinnet.training import TrainConfig, calibrate, train

_HOME = {
    "CalibrationError": "core.errors",
    "Client": "client",
    "ConfigError": "core.errors",
    "DataError": "core.errors",
    "Dataset": "data",
    "Decision": "core.types",
    "DecisionRule": "decide",
    "EmptyDataset": "core.errors",
    "Gallery": "apps.gallery",
    "GalleryAway": "core.errors",
    "GalleryBusy": "core.errors",
    "GalleryDamaged": "core.errors",
    "GalleryError": "core.errors",
    "GalleryFull": "core.errors",
    "Interval": "core.types",
    "LeakError": "core.errors",
    "MissingExtra": "core.errors",
    "Model": "model",
    "ModelFileError": "core.errors",
    "NotCalibrated": "core.errors",
    "NotEnrolled": "core.errors",
    "Preprocess": "data",
    "Result": "evaluation",
    "ServerError": "core.errors",
    "TooFewIdentities": "core.errors",
    "TooFewImpostors": "core.errors",
    "TrainConfig": "training",
    "TrainingError": "core.errors",
    "TwinnetError": "core.errors",
    "UnreadableItem": "core.errors",
    "WrongKey": "core.errors",
    "WrongModel": "core.errors",
    "calibrate": "training",
    "digits": "data",
    "evaluate": "apps.evaluate",
    "from_arrays": "data",
    "hold_out": "data",
    "load": "model",
    "omniglot": "data",
    "open_dataset": "data",
    "train": "training",
    "verify": "apps.verify",
}

__all__ = [
    "CalibrationError",
    "Client",
    "ConfigError",
    "DataError",
    "Dataset",
    "Decision",
    "DecisionRule",
    "EmptyDataset",
    "Gallery",
    "GalleryAway",
    "GalleryBusy",
    "GalleryDamaged",
    "GalleryError",
    "GalleryFull",
    "Interval",
    "LeakError",
    "MissingExtra",
    "Model",
    "ModelFileError",
    "NotCalibrated",
    "NotEnrolled",
    "Preprocess",
    "Result",
    "ServerError",
    "TooFewIdentities",
    "TooFewImpostors",
    "TrainConfig",
    "TrainingError",
    "TwinnetError",
    "UnreadableItem",
    "WrongKey",
    "WrongModel",
    "calibrate",
    "digits",
    "evaluate",
    "from_arrays",
    "hold_out",
    "load",
    "omniglot",
    "open_dataset",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'twinnet' has no attribute {name!r}")
    return getattr(import_module(f"twinnet.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
