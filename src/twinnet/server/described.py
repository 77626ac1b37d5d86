"""How routes describe their problems in the OpenAPI."""

from __future__ import annotations

from typing import Any

from twinnet.server.problems import KINDS, PROBLEM

_EVERYWHERE = ("bad_request", "unauthorized", "forbidden", "slow_body", "too_large", "rate_limited", "head_too_large",
               "invalid", "internal", "overloaded", "too_slow", "stopping")  # fmt: skip
IMAGES = ("unsupported_format", "unreadable_image")
GALLERY = ("no_gallery", "gallery_busy", "gallery_away", "gallery_changed", "gallery_damaged")


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The answers with these codes, and with those that any route may give."""
    by_status: dict[int | str, list[str]] = {}
    for code in (*_EVERYWHERE, *codes):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in dict.fromkeys(of)),
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status, of in by_status.items()
    }
