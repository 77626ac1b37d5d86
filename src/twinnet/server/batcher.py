"""Concurrent requests share runs of the network: whatever waits when it is free goes in together.

There is no clock: a lone request never waits for company, and under load a batch fills while the one before it runs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.engine import Embeddings
from twinnet.server.problems import Problem

Images = npt.NDArray[np.uint8]
Observe = Callable[[int, float, int], None]


def _unseen(images: int, seconds: float, waiting: int) -> None:
    pass


@final
class Batcher:
    """`submit` from any thread. `most` images go into one run; more than `queue` that wait are refused by Problem.

    `observe(images, seconds, still waiting)` is told of every run.
    """

    def __init__(
        self, embed: Callable[[Images], Embeddings], *, most: int = 32, queue: int = 1024, observe: Observe = _unseen
    ) -> None:
        self._embed, self._most, self._queue, self._observe = embed, most, queue, observe
        self._turn = threading.Condition()
        self._jobs = deque[tuple[Images, Future[Embeddings]]]()
        self._waiting = 0
        self._open = True
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self._thread.start()

    def submit(self, images: Images) -> Future[Embeddings]:
        """`(n, H, W, C)` → a future of `(n, D)`. Raises Problem where too many wait."""
        future: Future[Embeddings] = Future()
        with self._turn:
            if not self._open:
                raise Problem("stopping")
            if self._waiting and self._waiting + len(images) > self._queue:
                raise Problem("overloaded", "Too many images wait for the network.")
            self._jobs.append((images, future))
            self._waiting += len(images)
            self._turn.notify()
        return future

    def embed_images(self, images: Images) -> Embeddings:
        """`submit`, in parts that leave room for others, and wait. For threads, never for the event loop."""
        parts = [self.submit(images[i : i + self._most]).result() for i in range(0, len(images), self._most)]
        return np.concatenate(parts)

    def close(self) -> None:
        """Finish what was submitted, then stop."""
        with self._turn:
            self._open = False
            self._turn.notify()
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._next():
            sizes = [len(images) for images, _ in jobs]
            begun = time.perf_counter()
            try:
                images = jobs[0][0] if len(jobs) == 1 else np.concatenate([images for images, _ in jobs])
                found = self._embed(images)
            except BaseException as error:  # a waiting request must never wait for ever
                for _, future in jobs:
                    future.set_exception(error)
                continue
            finally:
                self._observe(sum(sizes), time.perf_counter() - begun, self._waiting)
            for (_, future), part in zip(jobs, np.split(found, np.cumsum(sizes)[:-1]), strict=True):
                future.set_result(part)

    def _next(self) -> list[tuple[Images, Future[Embeddings]]]:
        """The jobs of the next run; [] when closed and done."""
        with self._turn:
            while self._open and not self._jobs:
                self._turn.wait()
            jobs, room = list[tuple[Images, Future[Embeddings]]](), self._most
            while self._jobs and (not jobs or len(self._jobs[0][0]) <= room):
                job = self._jobs.popleft()
                self._waiting -= len(job[0])
                if job[1].set_running_or_notify_cancel():  # whoever gave up asks for no work
                    jobs.append(job)
                    room -= len(job[0])
            if not jobs and (self._open or self._jobs):
                return self._next()
            return jobs
