"""Listen, until told to stop: then finish what was begun."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.server.settings import Settings

if TYPE_CHECKING:
    import uvicorn

    from twinnet.server.app import Built


_GARBAGE = (10_000, 20, 50)


def serve(settings: Settings, *, tell: Callable[[str], None] = lambda text: None) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP opens model and gallery anew. `tell` is given the address.

    Raises ConfigError where the port is taken, TwinnetError where model or gallery cannot be opened.
    """
    try:
        from twinnet.server.app import build
        from twinnet.server.protocol import impatient  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"serving needs {error.name}. Next: pip install 'twinnet[serve]'.") from error
    from twinnet.server.logs import set_up

    set_up()
    with contextlib.closing(bound(settings)) as listening:
        built = build(settings)
        # What is loaded by now stays. To look through all of it for garbage again and again cost a busy server an
        # eighth of its time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        listener(built, settings, listening, tell).run(sockets=[listening])


def listener(built: Built, settings: Settings, listening: socket.socket, tell: Callable[[str], None]) -> uvicorn.Server:
    """What `run(sockets=[listening])` serves an application with; `tell` is given the address once it listens."""
    import uvicorn

    from twinnet.server.protocol import impatient

    config = uvicorn.Config(
        built.guard, http=impatient(settings.limits), ws="none", log_config=None, access_log=False,
        server_header=False, timeout_keep_alive=15, timeout_graceful_shutdown=round(settings.limits.drain_s),
        proxy_headers=False, lifespan="on", ssl_certfile=settings.tls_cert, ssl_keyfile=settings.tls_key,
    )  # fmt: skip

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
                loop, kept = asyncio.get_running_loop(), set[asyncio.Task[bool]]()
                loop.add_signal_handler(signal.SIGHUP, lambda: kept.add(loop.create_task(built.reload())))
            tell(address(settings, listening))

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # uvicorn would raise the signal again when all is done, and a graceful end would look like a crash.
            built.guard.stopping = True
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.should_exit = True

    return Server(config)


def address(settings: Settings, listening: socket.socket) -> str:
    """The URL of a socket."""
    host, port = listening.getsockname()[:2]
    return f"{'https' if settings.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def bound(settings: Settings) -> socket.socket:
    """A socket at the asked address. Raises ConfigError where it is taken."""
    host = settings.host.strip("[]")
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, settings.port))
    except OSError as error:
        found.close()
        raise ConfigError(
            f"{settings.host}:{settings.port}: cannot be listened on ({error.strerror}). Next: --port with another."
        ) from error
    return found
