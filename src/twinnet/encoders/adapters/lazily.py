"""Libraries that only an adapter needs, imported when it is used; one that is there but broken says why."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from twinnet.core.errors import MissingExtra


def imported(module: str, extra: str) -> ModuleType:
    """The module. Raises MissingExtra where it is absent, or where it is there and fails to import, with the cause."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise MissingExtra(f"{module} is not installed. Next: pip install 'twinnet[{extra}]'") from error
        raise _broken(module, error) from error
    # torchvision beside a torch that it was not built for raises RuntimeError, AttributeError and others.
    except Exception as error:
        raise _broken(module, error) from error


@contextmanager
def offline(hub: ModuleType, unless: bool) -> Iterator[None]:
    """Inside, Hugging Face's libraries ask no network, whatever they think they need, `unless` the user said so."""
    # `local_files_only` alone still lets huggingface_hub fetch a list for its statistics (seen in version 2.4). It
    # reads this name anew before every request, and it has no other switch while a program runs.
    constants = getattr(hub, "constants", None)
    if unless or constants is None:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _broken(module: str, error: Exception) -> MissingExtra:
    return MissingExtra(
        f"{module} is installed but does not import ({type(error).__name__}: {error}). "
        "Next: install what it names, built for the torch that is here; or give the backbone as onnx:FILE."
    )
