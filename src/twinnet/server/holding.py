"""What is served at one moment, and how another moment's takes its place without a request being dropped."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from twinnet.apps.texts import TextTwins, load_texts
from twinnet.core.errors import ModelFileError, TwinnetError
from twinnet.engine import Engine, Inspector
from twinnet.server.batcher import Batcher
from twinnet.server.known import Known
from twinnet.server.logs import log
from twinnet.server.metrics import Metrics
from twinnet.server.settings import Settings


@final
@dataclass(frozen=True, eq=False)
class Holding:
    """A model with its queue, and a gallery, a detector and text twins where they were asked for."""

    engine: Engine
    batcher: Batcher
    known: Known | None
    detector: Inspector | None
    texts: TextTwins | None
    stamp: object

    def close(self) -> None:
        """Finish what was begun, then let go."""
        self.batcher.close()
        if self.known is not None:
            self.known.close()


def hold(settings: Settings, metrics: Metrics) -> Holding:
    """Open everything. Raises TwinnetError where something is not as it should be; nothing is left open then."""
    stamp = _stamp(settings)
    engine = Engine(_exported(settings.model), threads=settings.cores, name=str(settings.model))
    shape = engine.preprocess.shape
    engine.embed_images(np.zeros((1, *shape), np.uint8))  # the first run allocates; no request should wait for that
    known = None
    if settings.gallery is not None:
        known = Known(settings.gallery, engine, key=settings.gallery_key, keep_originals=settings.keep_originals)
    try:
        detector = Inspector(_exported(settings.detector), threads=settings.cores) if settings.detector else None
        texts = load_texts(settings.texts) if settings.texts else None
    except BaseException:
        if known is not None:
            known.close()
        raise

    def observe(images: int, seconds: float, waiting: int) -> None:
        metrics.batch.observe(images)
        metrics.network_seconds.observe(seconds)
        metrics.queued.set(waiting)

    batcher = Batcher(engine.embed_images, most=settings.batch, queue=settings.limits.queued_images, observe=observe)
    metrics.model.clear()
    metrics.model.labels(engine.fingerprint, str(engine.card["kind"])).set(1)
    return Holding(engine, batcher, known, detector, texts, (stamp, known.stamp() if known else None))


@final
class Keeper:
    """The current holding; `watch` looks for another."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._now = hold(settings, metrics)
        self._users: dict[Holding, int] = {self._now: 0}
        self._turn, self._told = asyncio.Lock(), ""

    @property
    def now(self) -> Holding:
        """For a look; whoever works with it asks `use`."""
        return self._now

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Holding]:
        """The current holding, which stays open until the block ends."""
        held = self._now
        self._users[held] += 1
        try:
            yield held
        finally:
            self._users[held] -= 1
            self._retire(held)

    async def watch(self) -> None:
        """For ever: take up a model's file or a gallery that was replaced, once both fit together."""
        while True:
            await asyncio.sleep(self._settings.watch_s)
            stamp = await asyncio.to_thread(self._seen)
            if stamp != self._now.stamp:
                await self.reload()

    async def reload(self, *, even_if_same: bool = False) -> bool:
        """Open everything anew and swap. Where that fails the old one stays, and the log says why, once."""
        async with self._turn:
            if not even_if_same and await asyncio.to_thread(self._seen) == self._now.stamp:
                return True  # somebody else did it meanwhile
            try:
                fresh = await asyncio.to_thread(hold, self._settings, self._metrics)
            except (TwinnetError, OSError) as error:
                if str(error) != self._told:
                    self._told = str(error)
                    log.warning("what was changed cannot be taken up yet", extra={"error": str(error)})
                    self._metrics.reloads.labels("refused").inc()
                return False
            old, self._now, self._told = self._now, fresh, ""
            self._users[fresh] = 0
            self._retire(old)
            self._metrics.reloads.labels("done").inc()
            log.info("model and gallery were taken up anew", extra={"model": fresh.engine.fingerprint})
            return True

    def close(self) -> None:
        """The last one, when no request is left."""
        self._now.close()

    def _seen(self) -> object:
        known = self._now.known
        return _stamp(self._settings), known.stamp() if known else None

    def _retire(self, held: Holding) -> None:
        if held is not self._now and not self._users.get(held, 1):
            del self._users[held]
            threading.Thread(target=held.close, name="retiring").start()


def _stamp(settings: Settings) -> object:
    files = [path for path in (settings.model, settings.detector, settings.texts) if path is not None]
    found = []
    for path in files:
        try:
            status = path.stat()
        except OSError:
            return "gone"
        found.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(found)


def _exported(path: Path) -> Path | bytes:
    """A file that runs without torch; others are exported by a process of its own, which torch may fill and leave."""
    if path.suffix == ".onnx":
        return path
    if not path.is_file():
        found = "this is a folder, not a model file" if path.is_dir() else "there is no such file"
        raise ModelFileError(f"{path}: {found}. Next: give a file that train -o or export -o wrote.")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exported.onnx"
        command = [sys.executable, "-m", "twinnet.cli.main", "export", str(path), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (our own command)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason was given"]
            raise ModelFileError(
                f"{path}: cannot be exported here ({said[-1][:300]}). Next: twinnet export {path} -o FILE.onnx, where "
                "torch is installed, and serve that file."
            )
        return out.read_bytes()
