"""Calls to the server that are made again when it is away for a moment."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Any

from twinnet.core.errors import GalleryAway, GalleryError
from twinnet.core.extras import require

PATIENCE_S = 20.0
"""A call is repeated for so long before it is given up."""

_FIRST_S, _LONGEST_S = 0.05, 2.0
_AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "connect", "not ready", "rate limit", "RPC error", "closed channel")


class Unloaded(GalleryError):
    """The server has the collection, but not in memory."""


class Link:
    """One connection. Every call through it is safe to repeat: rows are upserted under keys that we chose."""

    def __init__(
        self,
        uri: str,
        token: str = "",
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.uri, self.patience_s, self.tell = uri, patience_s, tell
        self._sleep = sleep
        self._jitter = random.Random(uri)  # noqa: S311  (when to knock again is no secret)
        pymilvus = require("pymilvus", "milvus")
        # It warns of every page that a server without its own clock sends, such as Milvus Lite's.
        logging.getLogger("pymilvus").setLevel(logging.ERROR)
        self._error: type[Exception] = pymilvus.MilvusException
        self.types: Any = pymilvus.DataType
        self.client: Any = self._repeated(
            lambda: pymilvus.MilvusClient(uri=uri, token=token, timeout=min(5.0, patience_s))
        )

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """`MilvusClient.name(…)`. Raises GalleryAway, or GalleryError with the server's own words."""
        return self.repeated(lambda: getattr(self.client, name)(*args, timeout=self.patience_s, **kwargs), args[0])

    def repeated(self, do: Callable[[], Any], collection: str) -> Any:
        """Whatever `do` asks of a collection, again and again while the server is away."""
        try:
            return self._repeated(do)
        except Unloaded:  # a small server that was started anew waits to be asked
            self._repeated(lambda: self.client.load_collection(collection, timeout=self.patience_s))
            return self._repeated(do)

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()

    def _repeated(self, do: Callable[[], Any]) -> Any:
        import grpc

        begun, wait = time.monotonic(), _FIRST_S
        while True:
            try:
                return do()
            except (self._error, grpc.RpcError, ConnectionError) as error:
                said = str(getattr(error, "message", "") or error)
                if "released" in said or "not loaded" in said:
                    raise Unloaded(f"{self.uri}: {said}") from error
                if not _away(error, said):
                    raise GalleryError(f"{self.uri}: the server refused: {said}") from error
                spent = time.monotonic() - begun
                if spent + wait > self.patience_s:
                    raise GalleryAway(
                        f"{self.uri}: no Milvus server answers there (tried for {spent:.0f} s: {said[:120]}). "
                        "Next: start it, or check the address; then repeat."
                    ) from error
                self.tell(f"{self.uri}: the server is away; trying again")
            # Full jitter: many clients that lost the same server must not all come back at once.
            self._sleep(wait * (0.5 + self._jitter.random() / 2))
            wait = min(2 * wait, _LONGEST_S)


def _away(error: Exception, said: str) -> bool:
    import grpc

    if isinstance(error, grpc.RpcError | ConnectionError):
        return True
    return any(word.lower() in said.lower() for word in _AWAY)
