"""uvicorn's connections, made impatient: a head must be whole in time and in bounds, and there are only so many."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from twinnet.server.settings import Limits

_REFUSALS = {
    408: (b"Request Timeout", b"slow_head", b"The head of the request did not arrive in time."),
    431: (b"Request Header Fields Too Large", b"head_too_large", b"Send fewer or shorter headers."),
    503: (b"Service Unavailable", b"overloaded", b"Too many connections are open. Repeat it a little later."),
}


def impatient(limits: Limits) -> type[asyncio.Protocol]:
    """A protocol for uvicorn that keeps these limits. uvicorn itself waits for ever for the rest of a head."""

    class Impatient(HttpToolsProtocol):  # the one place where uvicorn lets a head be timed
        _clock: asyncio.TimerHandle | None = None
        _reading_head = True
        _head = 0
        _half = False  # a head has begun and not ended

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                self._refuse(503)
            else:
                self._await_head()

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            if self._reading_head:
                if self._clock is None:  # the first bytes of a further request on this connection
                    self._await_head()
                self._head += len(data)
                # A piece may hold the end of the head and the beginning of the body, so one piece more is allowed.
                if self._head > limits.head_bytes + max(len(data), 2**16):
                    self._refuse(431)
                    return
            super().data_received(data)
            if self._half and self._clock is None:  # a piece that held a request and the beginning of the next
                self._await_head()

        def on_message_begin(self) -> None:
            self._reading_head = self._half = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._reading_head, self._half, self._head = False, False, 0
            self._stop_clock()
            if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > limits.head_bytes:
                self._refuse(431)
                return
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._reading_head = True
            if self.cycle is not None:
                super().on_message_complete()

        def on_body(self, body: bytes) -> None:
            if self.cycle is not None:
                super().on_body(body)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_clock()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self._clock = self.loop.call_later(limits.head_s, self._refuse, 408)

        def _stop_clock(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _refuse(self, status: int) -> None:
            self._stop_clock()
            if self.transport.is_closing():
                return
            phrase, code, detail = _REFUSALS[status]
            body = b'{"type":"urn:twinnet:problem:%b","title":"%b","status":%d,"code":"%b","detail":"%b"}' % (
                code, phrase, status, code, detail,
            )  # fmt: skip
            self.transport.write(
                b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
                b"connection: close\r\nretry-after: 1\r\n\r\n%b" % (status, phrase, len(body), body)
            )
            self.transport.close()

    return Impatient
