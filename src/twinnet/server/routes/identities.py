"""Who is enrolled: enrol, list, look, forget."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from twinnet.gallery import Keep
from twinnet.gallery import Receipt as Kept
from twinnet.server import wire
from twinnet.server.described import GALLERY, IMAGES, problems
from twinnet.server.holding import Holding
from twinnet.server.problems import Problem
from twinnet.server.routes.thumbnails import thumbnail
from twinnet.server.service import By, RequestId, Served, known_of

router = APIRouter(tags=["identities"])
Name = Annotated[str, Form(min_length=1, max_length=200, examples=["Ada"])]


@router.post("/v1/identities", status_code=201, responses=problems(*IMAGES, *GALLERY, "disk_full"))
async def enrol(
    identity: Name,
    images: Annotated[list[UploadFile], File(min_length=1, description="One image or more")],
    served: Served,
    caller: By,
    request_id: RequestId,
    keep: Annotated[Keep, Form(description="One template, the mean, or one for each image")] = "prototype",
    metadata: Annotated[str, Form(max_length=20_000, description="A JSON object", examples=['{"town": "Ulm"}'])] = "{}",
) -> wire.Receipt:
    """Add images of one identity, all of them or none. What is answered with 201 is on the disk."""
    name = _name(identity)
    try:
        facts = wire.metadata_of(metadata)
    except (ValueError, RecursionError) as error:
        raise Problem("invalid", str(error)[:200]) from None
    uploads = await served.uploaded(images, "images", caller)

    async def job(held: Holding) -> wire.Receipt:
        known = known_of(held)
        embedded = await served.embedded(held, uploads)

        def write() -> Kept:
            said: dict[str, Any] = {"request": request_id, "key": caller.name, "items": len(uploads)}
            served.audit.write("enrol", "begin", name, **said)
            receipt = known.enrol(name, embedded, [content for _, content in uploads], keep, facts)
            served.audit.write("enrol", "done", name, **said)
            return receipt

        receipt = await served.writing(write)
        return wire.Receipt(identity=name, items=receipt.items, templates=len(receipt.keys))

    return await served.serve(job)


@router.get("/v1/identities", responses=problems(*GALLERY))
async def enrolled(
    served: Served,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> wire.Identities:
    """Who is enrolled, in the order of enrolment."""

    async def job(held: Holding) -> wire.Identities:
        found = await served.reading(known_of(held).enrolled)
        served.metrics.identities.set(len(found))
        page = [
            wire.Identity(identity=one.name, templates=one.templates, items=one.items)
            for one in found[offset : offset + limit]
        ]
        return wire.Identities(total=len(found), offset=offset, identities=page)

    return await served.serve(job)


@router.get(
    "/v1/picture", response_class=Response,
    responses={**problems(*GALLERY, "not_enrolled", "no_picture"), 200: {"content": {"image/jpeg": {}}}},
)  # fmt: skip
async def picture(
    identity: Annotated[str, Query(min_length=1, max_length=200, examples=["Ada"])], served: Served
) -> Response:
    """A small picture of an identity, where the gallery keeps the enrolled ones. It is drawn anew, never the file."""

    async def job(held: Holding) -> Response:
        content = await served.reading(known_of(held).picture, identity)
        if content is None:
            raise Problem("no_picture")
        return Response(await served.decoding(thumbnail, content), media_type="image/jpeg")

    return await served.serve(job)


@router.get("/v1/identities/{identity:path}", responses=problems(*GALLERY, "not_enrolled"))
async def one_identity(identity: str, served: Served) -> wire.IdentityDetail:
    """What is stored of one identity; no embeddings."""

    async def job(held: Holding) -> wire.IdentityDetail:
        known = known_of(held)
        rows = await served.reading(known.rows, identity)
        if not rows:
            raise Problem("not_enrolled")
        facts: dict[str, Any] = {}
        for row in rows:
            facts |= row.metadata
        return wire.IdentityDetail(
            identity=identity, templates=len(rows), items=sum(row.n_items for row in rows), metadata=facts,
            created=min(row.created for row in rows), picture=known.keeps_originals,
        )  # fmt: skip

    return await served.serve(job)


@router.delete("/v1/identities/{identity:path}", responses=problems(*GALLERY, "not_enrolled", "disk_full"))
async def forget(identity: str, served: Served, caller: By, request_id: RequestId) -> wire.Forgotten:
    """Erase an identity: its bytes leave record, log and index."""

    async def job(held: Holding) -> wire.Forgotten:
        known = known_of(held)
        await served.reading(known.rows, identity)  # NotEnrolled, before anything is written down

        def write() -> wire.Forgotten:
            said = {"request": request_id, "key": caller.name}
            served.audit.write("forget", "begin", identity, **said)
            done = known.forget(identity)
            served.audit.write("forget", "done", identity, **said)
            return wire.Forgotten(identity=identity, templates=done.templates, erased=done.erased)

        return await served.writing(write)

    return await served.serve(job)


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable() or name in (".", ".."):
        raise Problem("invalid", "identity: a name of printable characters is needed")
    return name
