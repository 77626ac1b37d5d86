"""What is served, and how the server is."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import numpy as np
from fastapi import APIRouter, Response

from twinnet.core.errors import TwinnetError
from twinnet.core.version import __version__
from twinnet.decide import DecisionRule
from twinnet.server import wire
from twinnet.server.described import problems
from twinnet.server.holding import Holding
from twinnet.server.metrics import CONTENT_TYPE
from twinnet.server.problems import Problem, problem_of
from twinnet.server.service import By, Served, known_of

router = APIRouter(tags=["server"])
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:\\|/)(?:[^\s/\\,;()]+[/\\])+")
_POINTS = 60


@router.get("/v1/model", responses=problems())
async def model(served: Served, caller: By) -> wire.ModelCard:
    """The model's card, threshold and calibration; what this server offers, and its limits."""

    async def job(held: Holding) -> wire.ModelCard:
        return _card(held, served, list(caller.scopes))

    return await served.serve(job)


@router.get("/healthz")
async def healthz() -> wire.State:
    """Whether the process lives."""
    return wire.State(status="ok")


@router.get("/readyz", responses=problems("gallery_away", "gallery_damaged"))
async def readyz(served: Served) -> wire.State:
    """Whether it can do its work: the model is there and the gallery answers."""

    async def job(held: Holding) -> wire.State:
        if held.known is not None:
            try:
                served.metrics.identities.set(await served.reading(known_of(held).count))
            except TwinnetError as error:
                raise (problem_of(error) or Problem("gallery_away")) from error
        return wire.State(status="ready")

    return await served.serve(job)


@router.get("/metrics", responses={**problems(), 200: {"content": {"text/plain": {}}}}, response_class=Response)
async def metrics(served: Served) -> Response:
    """For Prometheus."""
    return Response(served.metrics.text(), media_type=CONTENT_TYPE)


def _card(held: Holding, served: Served, scopes: list[str]) -> wire.ModelCard:
    engine, settings = held.engine, served.settings
    height, width, channels = engine.preprocess.shape
    rule = engine.rule
    return wire.ModelCard(
        fingerprint=engine.fingerprint, kind=str(engine.card["kind"]), encoder=str(engine.card["encoder"]),
        dim=engine.dim, comparison=engine.comparison,
        input={"height": height, "width": width, "channels": channels},
        rule=_rule(rule) if rule else None,
        spread={k: list(v) for k, v in asdict(rule.spread).items()} if rule and rule.spread else None,
        curve=_curve(rule) if rule else None, parity=engine.card.get("parity"),
        card=without_folders(str(engine.card.get("card", ""))),
        offers={
            "gallery": held.known is not None, "detector": held.detector is not None,
            "meaning": held.texts is not None, "reading": engine.reading is not None,
            "pictures": held.known is not None and held.known.keeps_originals,
        },
        limits=asdict(settings.limits), formats=list(settings.formats), scopes=scopes, version=__version__,
    )  # fmt: skip


def _rule(rule: DecisionRule) -> dict[str, Any]:
    found = rule.to_dict()
    found.pop("spread", None)
    return {**found, "learned_on": without_folders(rule.learned_on)}


def _curve(rule: DecisionRule) -> list[list[float]] | None:
    if rule.calibrator is None:
        return None
    far = rule.spread.impostor[-1] if rule.spread else 2 * abs(rule.threshold) + 1e-6
    at = np.linspace(0, max(far, rule.threshold), _POINTS)
    return [[float(d), float(p)] for d, p in zip(at, rule.calibrator(at), strict=True)]


def without_folders(text: str) -> str:
    """A text without the folders of paths in it: where the operator's files lie is nobody else's business."""
    return _FOLDERS.sub("", text)
