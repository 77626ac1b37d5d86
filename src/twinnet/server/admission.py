"""Who may come in: hosts, origins, keys and their scopes, and how often."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final
from urllib.parse import urlsplit

from twinnet.server.keys import SCOPES, KeyRing, Scope
from twinnet.server.problems import Problem
from twinnet.server.settings import Limits, Settings

_HERE = ("localhost", "127.0.0.1", "[::1]")
_OPEN = ("/healthz", "/readyz", "/openapi.json", "/favicon.ico", "/")
_BURST_S = 10.0


@dataclass(slots=True)
class Bucket:
    """Tokens that drip in; one image is one token. Not for several threads: the event loop alone takes from it."""

    per_minute: float
    tokens: float = 0.0
    filled: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.most

    @property
    def most(self) -> float:
        """What a pause of ten seconds saves up."""
        return max(1.0, self.per_minute * _BURST_S / 60)

    def take(self, n: int = 1, *, owed: bool = False) -> None:
        """Take n tokens; Problem where there are none. `owed`: the work is done already, so it is taken in any case."""
        now = time.monotonic()
        self.tokens = min(self.most, self.tokens + (now - self.filled) * self.per_minute / 60)
        self.filled = now
        if self.tokens < 1 and not owed:
            wait = (1 - self.tokens) * 60 / self.per_minute
            raise Problem("rate_limited", Retry_After=str(max(1, round(wait))))
        self.tokens -= n


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Without keys everybody on this machine may do everything."""

    name: str = "local"
    scopes: tuple[Scope, ...] = SCOPES
    bucket: Bucket | None = None

    def charge(self, images: int) -> None:
        """Count images beyond the first, which the request itself was counted for."""
        if self.bucket is not None and images > 1:
            self.bucket.take(images - 1, owed=True)


@final
class Admission:
    """Raises Problem for whoever may not come in."""

    def __init__(self, settings: Settings) -> None:
        self._limits: Limits = settings.limits
        self._keys = KeyRing(settings.keys) if settings.keys else None
        self._buckets: dict[str, Bucket] = {}
        own = () if settings.host in ("0.0.0.0", "::") else (settings.host,)  # noqa: S104  (compared, not bound)
        # Beyond the loopback a key is needed, which another site's page has not, under whatever name it comes.
        self._hosts = None if not settings.loopback and not settings.hosts else {*_HERE, *own, *settings.hosts}

    def admit(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller of a request; its scope is enough and its rate not exceeded."""
        self._check_host(headers)
        if is_open(path):
            return Caller()
        self._check_origin(headers)
        if self._keys is None:
            return Caller()
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = self._keys.find(token.strip()) if kind.lower() == "bearer" else None
        if key is None:
            raise Problem("unauthorized", WWW_Authenticate="Bearer")
        bucket = self._buckets.setdefault(key.id, Bucket(self._limits.images_per_minute))
        bucket.take()
        if (scope := needed(method, path)) not in key.scopes:
            raise Problem("forbidden", f"This takes a key with the scope {scope}.")
        return Caller(key.name, key.scopes, bucket)

    def _check_host(self, headers: Mapping[bytes, bytes]) -> None:
        # A name that its owner points to 127.0.0.1 would let a page of theirs read what is served here.
        given = headers.get(b"host", b"").decode("latin-1").lower()
        if self._hosts is not None and _name(given) not in self._hosts:
            raise Problem("unknown_host")

    def _check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        origin, host = headers.get(b"origin"), headers.get(b"host", b"").decode("latin-1").lower()
        if origin is not None and urlsplit(origin.decode("latin-1").lower()).netloc != host:
            raise Problem("cross_origin")
        if headers.get(b"sec-fetch-site", b"none") in (b"cross-site", b"same-site"):
            raise Problem("cross_origin")


def is_open(path: str) -> bool:
    """Whether anybody may see it: the page without any data, and whether the server lives."""
    return path in _OPEN or path.startswith("/page/")


def needed(method: str, path: str) -> Scope:
    """The scope that a request takes."""
    if path.rstrip("/") == "/v1/identities" and method == "POST":
        return "enrol"
    return "delete" if method == "DELETE" else "read"


def headers_of(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    """By lower-case name; a header that came twice keeps its first value."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found.setdefault(name, value)
    return found


def _name(host: str) -> str:
    """Without the port."""
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.split(":", 1)[0]
