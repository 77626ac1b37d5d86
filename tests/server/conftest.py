from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from twinnet import Model, Preprocess, calibrate, compare, encoders, from_arrays
from twinnet.encoders import EncoderSpec

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

sys.path.insert(0, str(Path(__file__).parents[1] / "gallery"))  # milvus_server.py
from served_pictures import png  # noqa: E402

from twinnet.server import Limits, Settings  # noqa: E402
from twinnet.server.app import Built, build  # noqa: E402
from twinnet.server.run import bound, listener  # noqa: E402

PEOPLE, EACH = 8, 4


@pytest.fixture(scope="session")
def faces() -> np.ndarray:
    """Noisy pictures `(PEOPLE, EACH, 16, 16)`: those of one person are alike."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (PEOPLE, 1, 16, 16))
    return np.clip(base + rng.normal(0, 12, (PEOPLE, EACH, 16, 16)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def twins(faces: np.ndarray) -> Model:
    """Random weights, calibrated: enough to tell these people apart."""
    spec = EncoderSpec("compact", 1, 16, width=6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec)
        with torch.no_grad():
            encoder(torch.randn(64, 1, 16, 16))
    model = Model(
        encoder.eval(), compare.build("cosine", 16), Preprocess(16, 16, mean=(0.5,), std=(0.3,)), None, {}, spec
    )
    people = [f"p{i}" for i in range(PEOPLE) for _ in range(EACH)]
    return calibrate(model, from_arrays(list(faces.reshape(-1, 16, 16)), people))


@pytest.fixture(scope="session")
def exported(twins: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from twinnet.apps.export import export

    out = tmp_path_factory.mktemp("served") / "people.onnx"
    export(twins, out)
    return out


@pytest.fixture(scope="session")
def face(faces: np.ndarray) -> Callable[[int, int], bytes]:
    """`face(person, i)`: one of their pictures as PNG."""
    return lambda person, i=0: png(faces[person, i])


@dataclass
class Talk:
    """A client of a server in this process, and what is behind it."""

    http: httpx.Client
    settings: Settings
    built: Built
    server: Any

    @property
    def port(self) -> int:
        return int(self.http.base_url.port or 0)


@contextmanager
def talking(exported: Path, folder: Path) -> Iterator[Callable[..., Talk]]:
    """`start(gallery="g", …)` starts a server with these settings and gives a client of it."""
    started = []

    def start(**given: Any) -> Talk:
        limits = Limits(**{name: given.pop(name) for name in list(given) if name in Limits.__dataclass_fields__})
        if isinstance(given.get("gallery"), str) and "://" not in given["gallery"]:
            given["gallery"] = folder / given["gallery"]
        settings = Settings(given.pop("model", exported), limits=limits, threads=1, port=0, **given)
        built, listening, heard = build(settings), bound(settings), threading.Event()
        server = listener(built, settings, listening, lambda _: heard.set())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert heard.wait(60)
        client = httpx.Client(base_url=f"http://localhost:{listening.getsockname()[1]}", timeout=60)
        started.append((client, server, thread, listening))
        return Talk(client, settings, built, server)

    try:
        yield start
    finally:
        for client, server, thread, listening in started:
            client.close()
            server.should_exit = True
            thread.join(60)
            listening.close()


@pytest.fixture
def talk(exported: Path, tmp_path: Path) -> Iterator[Callable[..., Talk]]:
    """Servers of a test's own."""
    with talking(exported, tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def standing(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One server with an empty gallery, for all tests that leave it as it was."""
    with talking(exported, tmp_path_factory.mktemp("standing")) as start:
        yield start(gallery="g")


@pytest.fixture(scope="session")
def hasty(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One without a gallery that waits for nobody, for all tests that leave it as it was."""
    with talking(exported, tmp_path_factory.mktemp("hasty")) as start:
        yield start(head_s=0.5, body_s=0.5)


@pytest.fixture(scope="session")
def plain(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """One with nothing but a model, for all tests that leave it as it was."""
    with talking(exported, tmp_path_factory.mktemp("plain")) as start:
        yield start()
