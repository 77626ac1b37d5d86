"""The reader that comes with twinnet, made by `benchmarks/handwriting_default.py`."""

from __future__ import annotations

from importlib.resources import as_file, files

from twinnet.model import Model
from twinnet.model import load as load_model


def shipped() -> Model:
    """Twins that read scripts they never saw, taught by Omniglot's background set; its card says the rest."""
    with as_file(files("twinnet.apps.handwriting") / "default.twin") as path:
        return load_model(path)
