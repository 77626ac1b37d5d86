"""What Prometheus is told."""

from __future__ import annotations

from typing import Any, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


@final
class Metrics:
    """One registry of a server's own, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of: Any = {"registry": self.registry}
        self.requests = Counter("twinnet_requests", "Requests answered", ["route", "method", "status"], **of)
        self.seconds = Histogram(
            "twinnet_request_seconds", "From a request's head to its answer", ["route"], buckets=_SECONDS, **of
        )
        self.refused = Counter("twinnet_refused", "Requests refused, by the code of the problem", ["code"], **of)
        self.in_flight = Gauge("twinnet_in_flight", "Requests that are worked on", **of)
        self.buffered = Gauge("twinnet_buffered_bytes", "Bodies in memory", **of)
        self.batch = Histogram(
            "twinnet_batch_images", "Images in one run of the network", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **of
        )
        self.network_seconds = Histogram(
            "twinnet_network_seconds", "Duration of one run of the network", buckets=_SECONDS, **of
        )
        self.queued = Gauge("twinnet_queued_images", "Images that wait for the network", **of)
        self.identities = Gauge("twinnet_identities", "Identities in the gallery, when last looked", **of)
        self.reloads = Counter("twinnet_reloads", "Changes of model or gallery that were taken up", ["outcome"], **of)
        self.model = Gauge("twinnet_model", "1 for the model that is served", ["fingerprint", "kind"], **of)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)
