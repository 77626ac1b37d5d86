"""The gate before every route: an id, admission, the whole body in time and in bounds, room to work, one line of log.

Routes then never wait for the network, and a client that sends slowly holds a little memory, not a worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, final

from twinnet.server.admission import Admission, Caller, headers_of, is_open
from twinnet.server.headers import secured
from twinnet.server.logs import log
from twinnet.server.metrics import Metrics
from twinnet.server.problems import PROBLEM, Problem
from twinnet.server.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LINGER = 4
_RUN, _COUNT = secrets.token_hex(8), itertools.count()  # randomness for each would cost a switch of threads
_GONE = 499
"""A client that went away before its answer, as nginx counts it."""


class Disconnected(Exception):
    """The client went away."""


@final
class Guard:
    """ASGI in, ASGI out."""

    def __init__(self, app: App, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._admission = Admission(settings)
        self._in_flight = self._buffered = 0
        self.stopping = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        begun, headers, caller = time.perf_counter(), headers_of(scope), Caller()
        asked = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = asked if _ID.fullmatch(asked) else f"{_RUN}{next(_COUNT):08x}"
        answer = _Answer(send, request_id, scope["path"], tls=self._settings.tls_cert is not None)
        body, whole = bytearray(), False
        try:
            caller = self._admission.admit(scope["method"], scope["path"], headers)
            await self._receive(body, headers, receive)
            whole = True
            scope.setdefault("state", {}).update(caller=caller, request_id=request_id)
            await self._work(scope, bytes(body), receive, answer)
        except Problem as problem:
            # What was not read is not waited for: the connection ends with this answer.
            await answer.problem(problem, close=not whole)
        except Disconnected:
            answer.status = _GONE
        except Exception:
            if not answer.begun:  # else the application has said it, and raises only to tell its server
                log.exception("a request failed", extra={"request": request_id})
                await answer.problem(Problem("internal"))
        finally:
            self._forget_body(body)
            self._told(scope, answer, caller, len(body), begun)

    async def _receive(self, body: bytearray, headers: dict[bytes, bytes], receive: Receive) -> None:
        limits = self._settings.limits
        length = headers.get(b"content-length", b"0")
        too_large = Problem("too_large", f"At most {limits.body_bytes:,} bytes are taken.")
        if int(length) > _LINGER * limits.body_bytes:
            raise too_large
        discard = int(length) > limits.body_bytes
        with _timed(limits.body_s, "slow_body") as deadline:
            async with deadline:
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    if discard:  # most clients read no answer before they have sent everything
                        continue
                    body += chunk
                    self._buffered += len(chunk)
                    self._metrics.buffered.set(self._buffered)
                    if len(body) > limits.body_bytes:
                        raise too_large
                    if self._buffered > limits.buffered_bytes:
                        raise Problem("overloaded", "Too much is being sent at once.")
        if discard:
            raise too_large

    async def _work(self, scope: MutableMapping[str, Any], body: bytes, receive: Receive, answer: _Answer) -> None:
        limits = self._settings.limits
        free = is_open(scope["path"])
        if not free and self.stopping:
            raise Problem("stopping")
        if not free and self._in_flight >= limits.in_flight:
            raise Problem("overloaded")
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            with _timed(limits.work_s, "too_slow") as deadline:
                async with deadline:
                    await self._app(scope, _replayed(body, receive), answer.send)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)

    def _forget_body(self, body: bytearray) -> None:
        self._buffered -= len(body)
        self._metrics.buffered.set(self._buffered)

    def _told(self, scope: MutableMapping[str, Any], answer: _Answer, caller: Caller, size: int, begun: float) -> None:
        seconds = time.perf_counter() - begun
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE") else "other"
        self._metrics.requests.labels(route, method, str(answer.status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if answer.code:
            self._metrics.refused.labels(answer.code).inc()
        if is_open(scope["path"]) and answer.status < 400:
            return
        log.info(
            "request",
            extra={
                "request": answer.request_id, "method": method, "route": route, "status": answer.status,
                "code": answer.code, "ms": round(1000 * seconds, 1), "bytes": size, "key": caller.name,
                "client": (scope.get("client") or ("",))[0],
            },
        )  # fmt: skip


class _Answer:
    """What goes back: with the headers of every answer, and as a problem where the route did not come to it."""

    def __init__(self, send: Send, request_id: str, path: str, *, tls: bool) -> None:
        self._send, self.request_id, self._path, self._tls = send, request_id, path, tls
        self.status, self.code, self.begun = 0, "", False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            kept = [(name.lower(), value) for name, value in message.get("headers", [])]
            self.code = next((value.decode() for name, value in kept if name == b"x-problem"), self.code)
            message = {**message, "headers": secured(kept, self._path, self.request_id, tls=self._tls)}
        await self._send(message)

    async def problem(self, problem: Problem, *, close: bool = False) -> None:
        if self.begun:  # half an answer cannot become another
            return
        body = json.dumps(problem.body(self.request_id), ensure_ascii=False).encode()
        headers = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        headers += [(b"connection", b"close")] * close
        self.code = problem.code
        with contextlib.suppress(OSError):
            await self.send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
            await self.send({"type": "http.response.body", "body": body})


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


@contextlib.contextmanager
def _timed(seconds: float, code: str) -> Any:
    try:
        yield asyncio.timeout(seconds)
    except TimeoutError:
        raise Problem(code) from None
