"""What the routes ask: images become embeddings, the gallery is asked in threads, long work waits for its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, ParamSpec, TypeVar, final

import numpy as np
import numpy.typing as npt
from fastapi import Depends, Request, UploadFile

from twinnet.core.errors import GalleryAway, WrongModel
from twinnet.core.types import FloatArray
from twinnet.data import Preprocess
from twinnet.decide import DecisionRule
from twinnet.engine import Embeddings
from twinnet.server.admission import Caller
from twinnet.server.batcher import Images
from twinnet.server.holding import Holding, Keeper
from twinnet.server.known import Known
from twinnet.server.logs import Audit
from twinnet.server.metrics import Metrics
from twinnet.server.problems import Problem
from twinnet.server.settings import Settings
from twinnet.server.uploads import Decoders, contents

P = ParamSpec("P")
R = TypeVar("R")
_READERS, _WRITERS, _LONG = 8, 2, 2  # threads; a slow writer, or an explanation, must not keep readers waiting
_AWAY_S = 1.0  # for so long a server that was away is not asked again


@final
class Service:
    """One for a server's life."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.audit = Audit(settings.audit)
        self.keeper = Keeper(settings, self.metrics)
        self._decoders = Decoders(settings)
        self._readers, self._writers, self._long = (
            ThreadPoolExecutor(n, thread_name_prefix=name)
            for n, name in ((_READERS, "reader"), (_WRITERS, "writer"), (_LONG, "long"))
        )
        self._away_until = 0.0

    async def serve(self, job: Callable[[Holding], Awaitable[R]]) -> R:
        """Do a job with what is held. Where the gallery was moved to another model meanwhile, once more with that."""
        try:
            async with self.keeper.use() as held:
                return await job(held)
        except WrongModel:
            if not await self.keeper.reload():
                raise
        async with self.keeper.use() as held:
            return await job(held)

    async def uploaded(self, files: Sequence[UploadFile], name: str, caller: Caller) -> list[tuple[str, bytes]]:
        """The files' contents, counted. Raises Problem for too many."""
        found = await contents(files, name, self.settings.limits.items)
        caller.charge(len(found))
        return found

    async def embedded(self, held: Holding, uploads: Sequence[tuple[str, bytes]]) -> Embeddings:
        """`(N, D)`. Raises Problem for the first that is no image."""
        images = await self._decoders.prepared(uploads, held.engine.preprocess)
        return await self.network(held, images)

    async def network(self, held: Holding, images: Images) -> Embeddings:
        """`(N, H, W, C)` → `(N, D)`, in parts that leave room for others."""
        most = self.settings.batch
        jobs = [held.batcher.submit(images[i : i + most]) for i in range(0, len(images), most)]
        return np.concatenate([await asyncio.wrap_future(job) for job in jobs])

    async def decoding(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Short work on pictures, in a thread."""
        return await self._decoders.run(function, *args, **kwargs)

    @property
    def decoders(self) -> Decoders:
        """Who turns uploads into pictures."""
        return self._decoders

    async def long(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Work that takes a second or more, two at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._long, lambda: function(*args, **kwargs))

    async def reading(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask the gallery, in a thread."""
        return await self._gallery(self._readers, lambda: function(*args, **kwargs))

    async def writing(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Change the gallery, in a thread: what was begun is finished, whoever still listens."""
        return await asyncio.shield(self._gallery(self._writers, lambda: function(*args, **kwargs)))

    async def close(self) -> None:
        """When no request is left."""
        for pool in (self._long, self._writers, self._readers):
            await asyncio.to_thread(pool.shutdown)
        self._decoders.close()
        await asyncio.to_thread(self.keeper.close)
        self.audit.close()

    async def _gallery(self, pool: ThreadPoolExecutor, job: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, self._asked, job)

    def _asked(self, job: Callable[[], R]) -> R:
        if time.monotonic() < self._away_until:
            raise Problem("gallery_away")
        try:
            return job()
        except GalleryAway:
            self._away_until = time.monotonic() + _AWAY_S
            raise


class Through:
    """Twins for long work: their network is the one that all requests share. Counts what it embeds."""

    def __init__(self, held: Holding) -> None:
        self._held, self.images = held, 0

    @property
    def preprocess(self) -> Preprocess:
        """See `Twins`."""
        return self._held.engine.preprocess

    @property
    def known_rule(self) -> DecisionRule:
        """See `Twins`."""
        return self._held.engine.known_rule

    def embed_images(self, images: npt.NDArray[np.uint8]) -> Embeddings:
        """See `Twins`."""
        self.images += len(images)
        return self._held.batcher.embed_images(images)

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """See `Twins`."""
        return self._held.engine.paired(a, b)

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """See `Twins`."""
        return self._held.engine.cross(a, b)


def known_of(held: Holding) -> Known:
    """The gallery. Raises Problem where there is none."""
    if held.known is None:
        raise Problem("no_gallery")
    return held.known


async def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def _caller(request: Request) -> Caller:
    found: Caller = request.scope.get("state", {}).get("caller", Caller())
    return found


async def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


Served = Annotated[Service, Depends(_service)]
By = Annotated[Caller, Depends(_caller)]
RequestId = Annotated[str, Depends(_request_id)]
