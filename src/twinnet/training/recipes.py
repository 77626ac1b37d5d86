"""Settings that were found by measurement for a kind of data, by name: `twinnet train --recipe NAME`."""

from __future__ import annotations

from typing import Any

from twinnet.core.errors import ConfigError

RECIPES: dict[str, dict[str, Any]] = {
    # docs/omniglot.md says what each of these is worth. The last weights are kept (no validation): the learning rate
    # ends at zero, so choosing a checkpoint would only cost characters.
    "handwriting": {
        "encoder": "resnet8_p4m", "size_px": 28, "channels": 1, "head": "map", "grid": 7, "dim": 1568, "dropout": 0.0,
        "trim": True, "polarity": "bright_ink", "fit": "adaptive", "augment": "characters", "class_turns": True,
        "class_mirror": True, "identities_per_batch": 48, "items_per_identity": 4, "group_blocks": 2,
        "loss": "nt_xent", "loss_settings": {"temperature": 0.015, "hard": 1.0}, "validation_share": 0.0,
    },
}  # fmt: skip


def recipe(name: str) -> dict[str, Any]:
    """A copy of the settings. Raises ConfigError for a name that is unknown."""
    if name not in RECIPES:
        raise ConfigError(f"recipe {name!r} is unknown. Known: {', '.join(sorted(RECIPES))}.")
    return {**RECIPES[name], "loss_settings": dict(RECIPES[name]["loss_settings"])}
