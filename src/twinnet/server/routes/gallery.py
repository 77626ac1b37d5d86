"""Who is this, what is like it, which character is it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile

from twinnet.decide import by_character
from twinnet.server import wire
from twinnet.server.described import GALLERY, IMAGES, problems
from twinnet.server.holding import Holding
from twinnet.server.problems import Problem
from twinnet.server.service import By, Served, known_of

router = APIRouter(tags=["gallery"])
Probe = Annotated[UploadFile, File(description="An image")]
_MOST_NEAR = 100


@router.post("/v1/identify", responses=problems(*IMAGES, *GALLERY, "not_calibrated"))
async def identify(
    image: Probe, served: Served, k: Annotated[int, Form(ge=1, le=_MOST_NEAR, description="At most so many")] = 1
) -> wire.Matches:
    """Who is this? Identities nearer than the threshold, nearest first; none is nobody."""
    content = await image.read()

    async def job(held: Holding) -> wire.Matches:
        known = known_of(held)
        probe = (await served.embedded(held, [("image", content)]))[0]
        found, size = await served.reading(lambda: (known.identify(probe, k), known.count()))
        return wire.Matches(matches=[wire.Match.of(m) for m in found], identities=size, model=held.engine.fingerprint)

    return await served.serve(job)


@router.post("/v1/search", responses=problems(*IMAGES, *GALLERY))
async def search(
    image: Probe,
    served: Served,
    k: Annotated[int, Form(ge=1, le=_MOST_NEAR, description="How many")] = 10,
    where: Annotated[
        str, Form(max_length=5_000, description="A JSON object that metadata must have", examples=['{"town": "Ulm"}'])
    ] = "{}",
) -> wire.Matches:
    """The nearest that is stored, nearest first, whether or not it is the same."""
    content = await image.read()
    asked = _where(where)

    async def job(held: Holding) -> wire.Matches:
        known = known_of(held)
        probe = (await served.embedded(held, [("image", content)]))[0]
        found, size = await served.reading(lambda: (known.search(probe, k, asked or None), known.count()))
        return wire.Matches(matches=[wire.Match.of(m) for m in found], identities=size, model=held.engine.fingerprint)

    return await served.serve(job)


@router.post("/v1/read", responses=problems(*IMAGES, "not_calibrated"), tags=["read"])
async def read(
    image: Probe,
    examples: Annotated[list[UploadFile], File(min_length=1, description="Known characters, or other things")],
    names: Annotated[list[str], Form(description="The name of each example, in order", examples=[["ka", "ga"]])],
    served: Served,
    caller: By,
) -> wire.Reading:
    """Which of these is it? Nothing is stored: the examples come along. Several of one name count together."""
    uploads = await served.uploaded(examples, "examples", caller)
    if len(names) != len(uploads) or any(not name or len(name) > 100 for name in names):
        raise Problem("invalid", "names: one of 1 to 100 characters for each example")
    content = await image.read()
    known = list(dict.fromkeys(names))
    of = np.array([known.index(name) for name in names], np.int64)

    async def job(held: Holding) -> wire.Reading:
        engine = held.engine
        embedded = await served.embedded(held, [("image", content), *uploads])
        distances = by_character(engine.cross(embedded[:1], embedded[1:]), of)[0]
        if engine.reading is not None:
            likely = engine.reading.probabilities(distances).tolist()
            unknown = float(distances.min()) >= engine.reading.unknown_from
        else:
            likely, unknown = [None] * len(known), float(distances.min()) >= engine.known_rule.threshold
        order = np.argsort(distances, kind="stable").tolist()
        ranking = [wire.Guess(name=known[i], distance=float(distances[i]), probability=likely[i]) for i in order]
        return wire.Reading(unknown=unknown, ranking=ranking, model=engine.fingerprint)

    return await served.serve(job)


def _where(text: str) -> Mapping[str, Any]:
    try:
        return wire.metadata_of(text)
    except (ValueError, RecursionError) as error:
        said = "where: no JSON object" if isinstance(error, json.JSONDecodeError) else str(error)[:200]
        raise Problem("invalid", said) from None
