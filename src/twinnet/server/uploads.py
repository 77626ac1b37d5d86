"""Uploaded images: told by content, decoded within limits, brought to the network's size. Names are never used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar, final

import numpy as np
from fastapi import UploadFile

from twinnet.core.errors import TwinnetError, UnreadableItem
from twinnet.core.types import Image
from twinnet.data import Preprocess
from twinnet.data.decode import decode
from twinnet.server.batcher import Images
from twinnet.server.problems import Problem, problem_of
from twinnet.server.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

MOST_SLENDER = 200
"""A side may be so many times as long as the other: nothing that anybody compares is a thread of pixels."""


@final
class Decoders:
    """As many threads as cores: so many pictures are in memory at once, however many requests there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(settings.cores, thread_name_prefix="decode")

    async def each(self, uploads: Sequence[tuple[str, bytes]], preprocess: Preprocess) -> list[Image | Problem]:
        """`(name in messages, content)` of each → its `(H, W, C)`, or why there is none."""
        share = -(-len(uploads) // self._settings.cores)  # one errand for each thread, however many pictures
        parts = [uploads[i : i + share] for i in range(0, len(uploads), share)]
        done = await asyncio.gather(*[self.run(self._prepare, part, preprocess) for part in parts])
        return [one for part in done for one in part]

    async def prepared(self, uploads: Sequence[tuple[str, bytes]], preprocess: Preprocess) -> Images:
        """All of them, `(N, H, W, C)`. Raises Problem for the first that is no picture."""
        found = []
        for one in await self.each(uploads, preprocess):
            if isinstance(one, Problem):
                raise one
            found.append(one)
        return np.stack(found)

    async def decoded(self, name: str, content: bytes) -> Image:
        """One picture at its own size `(H, W, C)`. Raises Problem."""
        return await self.run(self.decode, name, content)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Work on pictures, in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    def decode(self, name: str, content: bytes) -> Image:
        """In this thread. Raises Problem."""
        try:
            image = decode(
                content, name=name, formats=self._settings.formats, max_pixels=self._settings.limits.image_pixels
            )
        except UnreadableItem as error:
            raise _problem(error) from error
        if max(image.shape[:2]) > MOST_SLENDER * min(image.shape[:2]):
            raise Problem("unreadable_image", f"{name}: is {image.shape[1]} × {image.shape[0]} pixels, too slender")
        return image

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, uploads: Sequence[tuple[str, bytes]], preprocess: Preprocess) -> list[Image | Problem]:
        found: list[Image | Problem] = []
        for name, content in uploads:
            try:
                found.append(preprocess.apply(self.decode(name, content)))
            except Problem as problem:
                found.append(problem)
            except (TwinnetError, ValueError, ArithmeticError):  # such as ink on a sheet without any
                found.append(Problem("unreadable_image", f"{name}: cannot be brought to the network's size"))
        return found


def _problem(error: UnreadableItem) -> Problem:
    found = problem_of(error)
    assert found is not None  # noqa: S101  (UnreadableItem is in its table)
    return found


async def contents(files: Sequence[UploadFile], name: str, most: int) -> list[tuple[str, bytes]]:
    """What the files hold, `name[0]`, `name[1]` … in messages. Raises Problem for too many."""
    if len(files) > most:
        raise Problem("too_large", f"{name}: {len(files)} images; at most {most} in one request")
    return [(f"{name}[{i}]" if len(files) > 1 else name, await file.read()) for i, file in enumerate(files)]
