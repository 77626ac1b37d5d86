"""Optional dependencies: imported inside the one function that needs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from twinnet.core.errors import MissingExtra


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of twinnet brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{module} is not installed ({error}). Next: pip install 'twinnet[{extra}]'") from error
