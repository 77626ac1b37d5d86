"""What was typed, told apart from what is so anyway."""

from __future__ import annotations

import typer


def was_given(context: typer.Context, option: str) -> bool:
    """Whether an option stood on the command line or in the environment, even with the value that it has anyway."""
    source = context.get_parameter_source(option)
    return source is not None and source.name not in ("DEFAULT", "DEFAULT_MAP")
