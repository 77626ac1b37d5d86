"""Callers in a process of their own: each sends a picture, waits for the answer, and sends the next. For serving.py.

    python benchmarks/serving_client.py PORT PATH FIELD CALLERS SECONDS PICTURE...

Prints one JSON object. Bare sockets: what a client library costs would be charged to the server, on the same cores.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle
from pathlib import Path

BOUNDARY = "twinnet-boundary"


def request(port: int, path: str, field: str, pictures: list[bytes]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="a"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + picture
        + b"\r\n"
        for picture in pictures
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    return head.encode() + body


class Callers:
    """Callers that share a ring of requests; `seconds` holds how long each answer took, by status."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.port, self.requests = port, cycle(requests)
        self.seconds: dict[str, list[float]] = {}
        self.broken = 0

    async def call(self, until: float) -> None:
        reader = writer = None
        while time.perf_counter() < until:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                begun = time.perf_counter()
                writer.write(next(self.requests))
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                self.seconds.setdefault(head[9:12].decode(), []).append(time.perf_counter() - begun)
                if b"connection: close" in head:
                    writer.close()
                    writer = None
                if head[9:12] != b"200":
                    await asyncio.sleep(0.1)  # told to come again: a caller that does not wait at all is no caller
            except (OSError, asyncio.IncompleteReadError):
                self.broken += 1
                writer = None
                await asyncio.sleep(0.05)
        if writer is not None:
            writer.close()


async def main() -> None:
    port, path, field, callers, seconds = sys.argv[1:6]
    files = [Path(name).read_bytes() for name in sys.argv[6:]]
    at_once = int(path.partition("#")[2] or 1)
    path = path.partition("#")[0]
    groups = [[files[(i + j) % len(files)] for j in range(at_once)] for i in range(len(files))]
    ring = Callers(int(port), [request(int(port), path, field, group) for group in groups])
    begun = time.perf_counter()
    await asyncio.gather(*[ring.call(begun + float(seconds)) for _ in range(int(callers))])
    spent = time.perf_counter() - begun
    found = {}
    for code, times in ring.seconds.items():
        ranked = sorted(times)
        found[code] = {"n": len(ranked), "p50": ranked[len(ranked) // 2], "p99": ranked[int(0.99 * (len(ranked) - 1))]}
    done = found.get("200", {"n": 0})["n"] * at_once
    print(json.dumps({"images_per_s": done / spent, "codes": found, "broken": ring.broken, "seconds": spent}))


if __name__ == "__main__":
    asyncio.run(main())
