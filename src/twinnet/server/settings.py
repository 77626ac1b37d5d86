"""What a server serves, where it listens, and the most it takes on: checked once, when it starts."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twinnet.core.errors import ConfigError
from twinnet.gallery import Place

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP")
"""What a browser or a camera sends, told by content. TIFF and the rest have readers that few pictures need."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything. Times are in seconds; a request beyond one of them is refused at once and by name."""

    body_bytes: int = 16 * 2**20
    buffered_bytes: int = 256 * 2**20  # of all bodies that are being received or worked on
    image_pixels: int = 2**24
    items: int = 64  # images in one request
    text_chars: int = 200_000
    connections: int = 1024
    in_flight: int = 128  # requests that are worked on
    queued_images: int = 1024  # before the network
    head_bytes: int = 32 * 2**10
    head_s: float = 10.0
    body_s: float = 20.0
    work_s: float = 30.0
    drain_s: float = 30.0  # a server that is told to stop finishes what it began
    images_per_minute: int = 6000  # of one key; a request without images counts as one

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ConfigError(f"limit {name} must be above 0, not {getattr(self, name)!r}.")


@dataclass(frozen=True, slots=True)
class Settings:
    """One server. `hosts` are the names that requests may be addressed to, besides the loopback's.

    Raises ConfigError where it would listen beyond this machine without keys.
    """

    model: Path
    gallery: Place | None = None
    gallery_key: str | None = field(default=None, repr=False)
    keep_originals: bool = False
    detector: Path | None = None
    texts: Path | None = None
    keys: Path | None = None
    audit: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    threads: int = 0  # of the network; 0: all cores
    batch: int = 16  # twice as many spoil the processor's caches, and make each wait longer
    watch_s: float = 1.0  # how often the model's file and the gallery are looked at; see `Holding`
    page: bool = True
    formats: tuple[str, ...] = IMAGE_FORMATS
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.loopback and self.keys is None:
            raise ConfigError(
                f"{self.host} can be reached from other machines, and there are no keys: anybody could forget all. "
                "Next: twinnet keys add NAME --keys keys.json, then serve with --keys keys.json; or leave --host out."
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("TLS takes both --tls-cert and --tls-key.")
        if not 0 <= self.port < 65536 or self.threads < 0 or not 1 <= self.batch <= 1024 or self.watch_s <= 0:
            raise ConfigError("port must be 0 … 65535, threads 0 or more, batch 1 … 1024, watch_s above 0.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def cores(self) -> int:
        """Threads for the network: as asked, or as many as this process may use."""
        affinity: Any = getattr(os, "sched_getaffinity", None)
        return self.threads or (len(affinity(0)) if affinity else os.cpu_count() or 1)
