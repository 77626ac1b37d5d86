"""Two images, or an identity and an image; embeddings of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile

from twinnet.apps.explain import Explanation as Explained
from twinnet.apps.explain import explain as explained
from twinnet.core.types import Decision, Image
from twinnet.page.heat import overlay
from twinnet.page.pictures import data_uri
from twinnet.server import wire
from twinnet.server.described import GALLERY, IMAGES, problems
from twinnet.server.holding import Holding
from twinnet.server.problems import Problem
from twinnet.server.service import By, Served, Service, Through, known_of

router = APIRouter(tags=["compare"])
_LARGEST_PX = 320


@router.post("/v1/verify", responses=problems(*IMAGES, *GALLERY, "not_calibrated", "not_enrolled"))
async def verify(
    first: Annotated[UploadFile, File(description="An image")],
    served: Served,
    caller: By,
    second: Annotated[UploadFile | None, File(description="Another image, or give `identity`")] = None,
    identity: Annotated[str | None, Form(max_length=200, examples=["Ada"], description="Who it is said to be")] = None,
    explain: Annotated[bool, Form(description="With which regions drive the verdict; two images only")] = False,
) -> wire.Verdict:
    """The same or different? Two images; or an image and an identity of the gallery."""
    if (second is None) == (identity is None):
        raise Problem("invalid", "Give either second, another image, or identity.")
    files = [first] if second is None else [first, second]
    uploads = [("first", await first.read())] + ([("second", await second.read())] if second else [])
    caller.charge(len(files))

    async def job(held: Holding) -> wire.Verdict:
        rule = held.engine.known_rule
        if identity is not None:
            probe = (await served.embedded(held, uploads))[0]
            return _verdict(held, await served.reading(known_of(held).verify, identity, probe), None)
        if explain:
            shown, images = await _explained(served, held, uploads)
            caller.charge(images)
            return _verdict(held, shown.decision, _pictures(shown))
        found = await served.embedded(held, uploads)
        return _verdict(held, rule.decide(float(held.engine.paired(found[:1], found[1:])[0])), None)

    return await served.serve(job)


@router.post("/v1/embed", responses=problems(*IMAGES))
async def embed(
    images: Annotated[list[UploadFile], File(min_length=1, description="Images")], served: Served, caller: By
) -> wire.Embeddings:
    """Each image as its embedding. An image that cannot be read has a problem in its place; the others are embedded."""
    uploads = await served.uploaded(images, "images", caller)

    async def job(held: Holding) -> wire.Embeddings:
        prepared, items = [], []
        for i, one in enumerate(await served.decoders.each(uploads, held.engine.preprocess)):
            if isinstance(one, Problem):
                items.append(wire.Embedded(index=i, embedding=None, problem=f"{one.code}: {one.detail}"))
            else:
                prepared.append((i, one))
        if prepared:
            found = await served.network(held, np.stack([image for _, image in prepared]))
            items += [
                wire.Embedded(index=i, embedding=row.tolist()) for (i, _), row in zip(prepared, found, strict=True)
            ]
        items.sort(key=lambda item: item.index)
        return wire.Embeddings(dim=held.engine.dim, model=held.engine.fingerprint, items=items)

    return await served.serve(job)


@dataclass(frozen=True, slots=True)
class _Shown:
    first: wire.Part
    second: wire.Part


async def _explained(served: Service, held: Holding, uploads: list[tuple[str, bytes]]) -> tuple[Explained, int]:
    pictures = [await served.decoders.decoded(*upload) for upload in uploads]
    twins = Through(held)
    shown = await served.long(explained, twins, pictures[0], pictures[1])
    return shown, twins.images


def _pictures(shown: Explained) -> wire.Explanation:
    largest = max(float(np.abs(effect).max()) for effect in shown.effects) or 1.0
    parts = [
        wire.Part(picture=_uri(picture), overlay=_uri(overlay(picture, effect / largest)))
        for picture, effect in zip(shown.pictures, shown.effects, strict=True)
    ]
    return wire.Explanation(first=parts[0], second=parts[1])


def _uri(image: Image) -> str:
    return data_uri(image, _LARGEST_PX)


def _verdict(held: Holding, decision: Decision, explanation: wire.Explanation | None) -> wire.Verdict:
    spread = held.engine.known_rule.spread
    nearer = spread.nearer(decision.distance) if spread else (None, None)
    return wire.Verdict(
        same=decision.same, abstained=decision.abstained, distance=decision.distance, threshold=decision.threshold,
        probability=decision.probability, far=wire.Rate.of(decision.far), nearer_genuine=nearer[0],
        nearer_impostor=nearer[1], explanation=explanation, model=held.engine.fingerprint,
    )  # fmt: skip
