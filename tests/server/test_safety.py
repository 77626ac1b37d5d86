"""Who is let in, what is refused, and what is never told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twinnet import ConfigError
from twinnet.server import Settings
from twinnet.server.keys import KeyRing, add_key, read_keys, revoke_key, rotate_key

Face = Callable[..., bytes]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_beyond_the_loopback_it_refuses_to_listen_without_keys(host: str, exported: Path) -> None:
    with pytest.raises(ConfigError, match="there are no keys"):
        Settings(exported, host=host)
    assert Settings(exported, host=host, keys=Path("keys.json")).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_on_the_loopback_it_needs_none(host: str, exported: Path) -> None:
    assert Settings(exported, host=host).loopback


def test_each_scope_opens_its_own_doors(talk: Any, face: Face, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    tokens = {scope: add_key(keys, scope, [scope]) for scope in ("read", "enrol", "delete")}
    http = talk(gallery="g", keys=keys).http

    def ask(token: str | None) -> list[int]:
        headers = bearer(token) if token else {}
        data = {"identity": "Ada"}
        return [
            http.post("/v1/identities", files={"images": face(0)}, data=data, headers=headers).status_code,
            http.get("/v1/identities", headers=headers).status_code,
            http.post("/v1/identify", files={"image": face(0)}, headers=headers).status_code,
            http.get("/metrics", headers=headers).status_code,
            http.delete("/v1/identities/Ada", headers=headers).status_code,
        ]

    assert ask(None) == [401] * 5
    assert ask("tw_00000000_wrong") == [401] * 5
    assert ask(tokens["enrol"]) == [201, 403, 403, 403, 403]
    assert ask(tokens["read"]) == [403, 200, 200, 200, 403]
    assert ask(tokens["delete"]) == [403, 403, 403, 403, 200]
    assert http.get("/v1/model", headers=bearer(tokens["read"])).json()["scopes"] == ["read"]
    for path in ("/healthz", "/readyz", "/openapi.json", "/"):
        assert http.get(path).status_code == 200


def test_keys_are_kept_as_hashes_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    token = add_key(tmp_path / "keys.json", "door", ["read"])
    text = (tmp_path / "keys.json").read_text()
    assert token not in text
    assert token.split("_", 2)[2] not in text
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert token not in repr(read_keys(tmp_path / "keys.json"))


def test_a_rotated_key_and_its_successor_both_work_until_the_grace_is_over(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    old = add_key(file, "door", ["read", "enrol"])
    new = rotate_key(file, "door", grace_s=60)
    ring = KeyRing(file)
    assert ring.find(old) is not None
    found = ring.find(new)
    assert found is not None
    assert found.scopes == ("read", "enrol")
    newest = rotate_key(file, "door", grace_s=-1)
    ring = KeyRing(file)
    assert [ring.find(token) is not None for token in (old, new, newest)] == [False, False, True]
    assert revoke_key(file, "door") == 3
    assert KeyRing(file).find(newest) is None


def test_a_running_server_takes_up_new_and_revoked_keys(
    talk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinnet.server.keys._LOOK_S", 0.0)
    file = tmp_path / "keys.json"
    first = add_key(file, "first", ["read"])
    http = talk(keys=file).http
    second = add_key(file, "second", ["read"])
    assert http.get("/v1/model", headers=bearer(second)).status_code == 200
    revoke_key(file, "first")
    assert http.get("/v1/model", headers=bearer(first)).status_code == 401
    file.write_text("{")  # half written: the keys that were known stay
    assert http.get("/v1/model", headers=bearer(second)).status_code == 200


def test_an_expired_key_is_none(tmp_path: Path) -> None:
    token = add_key(tmp_path / "k", "x", ["read"], days=-1)
    assert KeyRing(tmp_path / "k").find(token) is None


@pytest.mark.parametrize("content", ["", "[]", '{"format": 9, "keys": []}', '{"format": 1, "keys": [{"id": 1}]}'])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "k").write_text(content)
    with pytest.raises(ConfigError):
        KeyRing(tmp_path / "k")


def test_a_key_that_asks_too_often_is_told_when_to_come_again(talk: Any, face: Face, tmp_path: Path) -> None:
    token = add_key(tmp_path / "k", "busy", ["read"])
    http = talk(keys=tmp_path / "k", images_per_minute=60).http  # ten in a burst
    files = [("images", face(0))] * 8
    said = [http.post("/v1/embed", files=files, headers=bearer(token)) for _ in range(3)]
    assert [one.status_code for one in said] == [200, 200, 429]  # the second overdraws, the third waits
    assert said[2].json()["code"] == "rate_limited"
    assert int(said[2].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "unknown_host"),
        ({"Host": "evil.example:8000"}, "unknown_host"),
        ({"Origin": "https://evil.example"}, "cross_origin"),
        ({"Origin": "null"}, "cross_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "cross_origin"),
        ({"Sec-Fetch-Site": "same-site"}, "cross_origin"),
    ],
)
def test_another_sites_page_can_neither_read_nor_enrol(
    standing: Any, face: Face, headers: dict[str, str], code: str
) -> None:
    http = standing.http
    said = http.post("/v1/identities", files={"images": face(0)}, data={"identity": "Eve"}, headers=headers)
    assert (said.status_code, said.json()["code"]) == (403, code)
    assert "access-control-allow-origin" not in said.headers
    assert http.get("/v1/identities").json()["total"] == 0
    preflight = http.options("/v1/identities", headers={"Access-Control-Request-Method": "DELETE"})
    assert preflight.status_code == 405
    assert preflight.headers["allow"] == "GET, POST"
    assert "access-control-allow-methods" not in preflight.headers


def test_its_own_page_may(standing: Any, face: Face) -> None:
    server = standing
    headers = {"Origin": f"http://localhost:{server.port}", "Sec-Fetch-Site": "same-origin"}
    said = server.http.post("/v1/verify", files={"first": face(0), "second": face(0)}, headers=headers)
    assert said.status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/model", "/nothing", "/healthz", "/page/app.js", "/openapi.json"])
def test_every_answer_carries_the_headers_of_safety(standing: Any, path: str) -> None:
    headers = standing.http.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-request-id"]
    assert "server" not in headers


def test_a_request_id_is_taken_over_where_it_is_harmless(standing: Any) -> None:
    http = standing.http
    assert http.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    for odd in ("a b", "x" * 65, '{"a":1}', ""):
        assert http.get("/healthz", headers={"X-Request-ID": odd}).headers["x-request-id"] != odd


@pytest.mark.parametrize(
    "path", ["/page/../server/keys.py", "/page/%2e%2e/__init__.py", "/page/__init__.py", "/page//etc/passwd", "/page/"]
)
def test_no_path_of_a_client_reaches_the_disk(standing: Any, path: str) -> None:
    assert standing.http.get(path).status_code == 404


def test_a_file_name_of_a_client_is_never_used(talk: Any, face: Face, tmp_path: Path) -> None:
    http = talk(gallery="g", keep_originals=True).http
    files = {"images": ("../../evil.png", face(0), "image/png")}
    assert http.post("/v1/identities", files=files, data={"identity": "../../Ada"}).status_code == 201
    assert {path.name.split("-")[0] for path in tmp_path.rglob("*")} == {"g", "record.sqlite"}
    assert http.get("/v1/identities/../../Ada").status_code in (200, 404)
    assert "evil" not in http.post("/v1/verify", files={"first": ("evil.png", b"x")}, data={"identity": "x"}).text


def test_what_is_too_much_is_refused_by_name(talk: Any, face: Face) -> None:
    http = talk(body_bytes=50_000, items=3, image_pixels=400, text_chars=100).http
    many = [("images", face(0))] * 4
    assert http.post("/v1/embed", files=many).json()["code"] == "too_large"
    assert http.post("/v1/embed", files={"images": b"x" * 60_000}).json()["code"] == "too_large"
    assert http.post("/v1/embed", content=iter([b"x" * 40_000, b"x" * 40_000])).json()["code"] == "too_large"
    assert http.post("/v1/texts/compare", json={"first": "a" * 60, "second": "b" * 60}).json()["code"] == "too_large"
    import numpy as np
    from served_pictures import png

    large = {"first": png(np.zeros((21, 20), np.uint8)), "second": face(0)}
    said = http.post("/v1/verify", files=large)
    assert (said.status_code, said.json()["code"]) == (413, "too_large")
    assert "21" in said.json()["detail"]
    assert http.post("/v1/verify", files={"first": face(0), "second": face(0)}).status_code == 200


def test_a_failure_inside_shows_no_trace_and_is_counted(
    talk: Any, face: Face, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = talk()
    monkeypatch.setattr(server.built.service, "uploaded", None)
    said = server.http.post("/v1/embed", files={"images": face(0)})
    assert (said.status_code, said.json()["code"]) == (500, "internal")
    assert "Traceback" not in said.text
    assert "NoneType" not in said.text
    assert "NoneType" in caplog.text  # the operator sees it
    shown = server.http.get("/metrics").text
    assert 'twinnet_requests_total{method="POST",route="/v1/embed",status="500"} 1.0' in shown


def test_metrics_count_requests_by_route_never_by_name(talk: Any, face: Face) -> None:
    http = talk(gallery="g").http
    http.post("/v1/identities", files={"images": face(0)}, data={"identity": "Ada"})
    http.get("/v1/identities/Ada")
    http.get("/random/words")
    http.post("/v1/embed", files={"images": b"no"})
    http.post("/v1/verify", files={"first": b"no", "second": face(0)})
    text = http.get("/metrics").text
    assert "Ada" not in text
    assert "random" not in text
    assert 'route="/v1/identities/{identity:path}"' in text
    assert 'twinnet_refused_total{code="unsupported_format"} 1.0' in text
    assert "twinnet_batch_images_count 1.0" in text


def test_the_audit_log_has_who_and_whom_before_and_after(talk: Any, face: Face, tmp_path: Path) -> None:
    token = add_key(tmp_path / "k", "door", ["read", "enrol", "delete"])
    audit = tmp_path / "logs" / "audit.jsonl"
    http = talk(gallery="g", keys=tmp_path / "k", audit=audit).http
    headers = bearer(token) | {"X-Request-ID": "r1"}
    http.post("/v1/identities", files={"images": face(0)}, data={"identity": "Ada"}, headers=headers)
    http.delete("/v1/identities/Ada", headers=headers)
    http.delete("/v1/identities/Ada", headers=headers)
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(one["event"], one["stage"]) for one in lines] == [
        ("enrol", "begin"), ("enrol", "done"), ("forget", "begin"), ("forget", "done"),
    ]  # fmt: skip
    assert {(one["identity"], one["key"], one["request"]) for one in lines} == {("Ada", "door", "r1")}
    assert abs(lines[0]["time"] - time.time()) < 600
    assert audit.stat().st_mode & 0o077 == 0
