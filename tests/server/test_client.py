"""The typed client says what the library says, and raises what it raises."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twinnet
from twinnet import Client, Model, ServerError
from twinnet.server.keys import add_key

Face = Callable[..., bytes]


@pytest.fixture
def ask(talk: Any) -> Callable[..., Client]:
    made = []

    def start(key: str | None = None, **settings: Any) -> Client:
        made.append(Client(f"http://localhost:{talk(**settings).port}", key=key, retries=0))
        return made[-1]

    yield start  # type: ignore[misc]
    for client in made:
        client.close()


def test_the_client_answers_as_the_model_does(
    ask: Callable[..., Client], face: Face, twins: Model, tmp_path: Path, faces: np.ndarray
) -> None:
    client = ask()
    (tmp_path / "a.png").write_bytes(face(0))
    for item in (tmp_path / "a.png", str(tmp_path / "a.png"), face(0), faces[0, 0]):
        said, meant = client.verify(item, face(1)), twins.verify(face(0), face(1))
        assert said.distance == pytest.approx(meant.distance, abs=1e-5)
        assert (said.same, said.threshold) == (meant.same, meant.threshold)
        assert said.far is not None
        assert meant.far is not None
        assert said.far.point == meant.far.point
    np.testing.assert_allclose(client.embed([face(0), face(1)]), twins.embed([face(0), face(1)]), atol=1e-5)
    shown = client.explain(face(0), face(1))
    assert all(part[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0") for part in (*shown.pictures, *shown.overlays))
    assert client.model().fingerprint == twins.fingerprint
    assert client.model().threshold == twins.known_rule.threshold
    assert client.ready()


def test_a_gallery_through_the_client(ask: Callable[..., Client], face: Face) -> None:
    client = ask(gallery="g")
    for person in (3, 5, 6):
        receipt = client.enrol(f"p/{person}", [face(person, 0), face(person, 1)], metadata={"n": person})
        assert receipt.items == 2
    assert [one.name for one in client.enrolled()] == ["p/3", "p/5", "p/6"]
    assert client.identify(face(5, 3))[0].identity == "p/5"
    assert client.verify(face(5, 3), identity="p/5").same
    assert [match.identity for match in client.search(face(5, 3), 9, {"n": 6})] == ["p/6"]
    assert client.forget("p/5").erased
    with pytest.raises(twinnet.NotEnrolled):
        client.forget("p/5")
    assert not client.search(face(5, 3), 1)[0].source


def test_reading_and_texts_through_the_client(ask: Callable[..., Client], face: Face) -> None:
    client = ask()
    assert client.read(face(5, 2), [("a", face(3)), ("b", face(5)), ("c", face(6))]).ranking[0][0] == "b"
    found = client.compare_texts("one two three four five six seven", "eight nine ten eleven twelve")
    assert not found.copied.same
    assert found.meaning is None
    assert found.first[0].text.startswith("one two")


def test_what_goes_wrong_there_is_raised_here(ask: Callable[..., Client], face: Face, tmp_path: Path) -> None:
    client = ask(gallery="g")
    with pytest.raises(twinnet.UnreadableItem, match=r"first: is not an image"):
        client.verify(b"no image", face(0))
    with pytest.raises(twinnet.UnreadableItem, match="there is no such file"):
        client.verify(tmp_path / "none.png", face(0))
    with pytest.raises(twinnet.UnreadableItem):
        client.embed([face(0), b"x"])
    with pytest.raises(twinnet.NotEnrolled):
        client.verify(face(0), identity="nobody")
    with pytest.raises(twinnet.ConfigError, match="two items, or one and an identity"):
        client.verify(face(0))
    with pytest.raises(ServerError, match="Next: Start it with --detector FILE") as caught:
        client.anomaly(face(0))
    assert (caught.value.code, caught.value.status) == ("no_detector", 404)
    assert caught.value.request_id


def test_a_wrong_key_and_a_missing_server_are_named(ask: Callable[..., Client], tmp_path: Path) -> None:
    token = add_key(tmp_path / "k", "door", ["read"])
    assert ask(key=token, keys=tmp_path / "k").model().scopes == ("read",)
    with pytest.raises(ServerError, match="Authorization: Bearer") as caught:
        ask(key="tw_1_2", keys=tmp_path / "k").model()
    assert caught.value.code == "unauthorized"
    with Client("http://127.0.0.1:9", retries=0) as nowhere:
        assert not nowhere.ready()
        with pytest.raises(ServerError, match="no server answers there"):
            nowhere.model()


def test_a_busy_server_is_asked_again_but_no_enrolment_that_was_begun(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    said: list[tuple[int, str]] = []
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        status, code = said.pop(0)
        body = {"detail": "x", "next": "y", "code": code} if status != 201 else {"identity": "a", "items": 1}
        return httpx.Response(status, json=body, headers={"retry-after": "0"})

    client = Client("http://server", retries=2)
    client._http = httpx.Client(base_url="http://server", transport=httpx.MockTransport(handle))
    said[:] = [(503, "overloaded"), (429, "rate_limited"), (201, "")]
    assert client.enrol("a", [face(0)]).items == 1
    said[:] = [(503, "gallery_busy"), (201, "")]
    with pytest.raises(twinnet.GalleryBusy):
        client.enrol("a", [face(0)])
    said[:] = [(503, "gallery_busy")] * 3
    with pytest.raises(twinnet.GalleryBusy):
        client.identify(face(0))
    assert len(asked) == 3 + 1 + 3
    said[:] = [(500, "?")]
    with pytest.raises(ServerError):
        client.model()
    client._http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(502, text="<html>")), base_url="http://x"
    )
    with pytest.raises(ServerError, match="answered 502"):
        client.model()


def test_importing_the_client_needs_neither_torch_nor_fastapi() -> None:
    program = (
        "import sys; from twinnet import Client; print(sorted({'torch', 'fastapi', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_there_is_a_method_for_every_route_that_is_not_the_operators(talk: Any) -> None:
    paths = set(talk().http.get("/openapi.json").json()["paths"])
    source = inspect.getsource(Client)
    for path in paths - {"/healthz", "/metrics", "/v1/picture"}:
        assert path.split("{")[0].rstrip("/") in source, path
