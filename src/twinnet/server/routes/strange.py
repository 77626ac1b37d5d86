"""Is this one strange, where good ones are known?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile

from twinnet.core.types import Image
from twinnet.data.plane import Map
from twinnet.page.heat import overlaid
from twinnet.page.pictures import data_uri
from twinnet.server import wire
from twinnet.server.described import IMAGES, problems
from twinnet.server.holding import Holding
from twinnet.server.problems import Problem
from twinnet.server.service import Served

router = APIRouter(tags=["anomaly"])
_LARGEST_PX = 640


@router.post("/v1/anomaly", responses=problems(*IMAGES, "no_detector"))
async def anomaly(
    image: Annotated[UploadFile, File(description="An image")],
    served: Served,
    heat: Annotated[bool, Form(description="With a picture of where it is strange")] = False,
) -> wire.Anomaly:
    """How strange is it, and is that an alarm? Good samples raise one at most as often as was promised."""
    content = await image.read()

    async def job(held: Holding) -> wire.Anomaly:
        detector = held.detector
        if detector is None:
            raise Problem("no_detector")
        picture = await served.decoders.decoded("image", content)
        seen = await served.long(detector.inspect, picture)
        full = detector.threshold or float(np.quantile(detector.good, 1 - detector.rate))
        return wire.Anomaly(
            alarm=seen.alarm, p=seen.p, rate=detector.rate, distance=seen.distance, threshold=detector.threshold,
            heat=await served.decoding(_drawn, picture, seen.heat, full) if heat else None,
        )  # fmt: skip

    return await served.serve(job)


def _drawn(picture: Image, heat: Map, full: float) -> str:
    return data_uri(np.asarray(overlaid(picture, heat, full=full)), _LARGEST_PX)
