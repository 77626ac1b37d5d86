"""Slow, half, huge and senseless requests: each is refused quickly, and the next honest one is answered."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from served_pictures import png

import twinnet

Face = Callable[..., bytes]
HOME = str(Path(twinnet.__file__).parents[2])


def raw(port: int, *parts: bytes, pause: float = 0.0, wait: float = 20.0) -> bytes:
    """Send bytes piece by piece, and give all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass
        found = b""
        try:
            while piece := connection.recv(65536):
                found += piece
        except OSError:
            pass
        return found


def problem(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


def test_a_head_that_does_not_end_is_cut_off(hasty: Any) -> None:
    begun = time.monotonic()
    drip = [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", *(b"X-%d: 1\r\n" % i for i in range(100))]
    assert problem(raw(hasty.port, *drip, pause=0.05)) == "slow_head"
    assert problem(raw(hasty.port, b"GET /healthz HT")) == "slow_head"
    assert problem(raw(hasty.port)) == "slow_head"  # says nothing at all
    assert time.monotonic() - begun < 15
    assert hasty.http.get("/healthz").status_code == 200


def test_a_second_head_on_the_same_connection_is_timed_too(hasty: Any) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    half = b"GET /healthz HTTP/1.1\r\nHost: loc"
    for parts, pause in (((whole, half), 0.2), ((whole + half,), 0.0)):
        answer = raw(hasty.port, *parts, pause=pause)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"slow_head" in answer


def test_a_body_that_does_not_arrive_is_not_waited_for(hasty: Any) -> None:
    head = b"POST /v1/embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    drip = [head + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 40]
    assert problem(raw(hasty.port, *drip, pause=0.05)) == "slow_body"
    assert problem(raw(hasty.port, head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")) == "slow_body"
    assert hasty.http.get("/healthz").status_code == 200


def test_half_an_upload_holds_nothing_when_its_sender_goes_away(talk: Any, face: Face) -> None:
    server = talk(gallery="g")
    body = face(0)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /v1/identities HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; "
                b'name="images"; filename="f"\r\n\r\n' + body
            )
    for _ in range(100):
        text = server.http.get("/metrics").text
        if 'status="499"' in text and "twinnet_buffered_bytes 0.0" in text:
            break
        time.sleep(0.05)
    assert "twinnet_buffered_bytes 0.0" in text
    assert "twinnet_in_flight 1.0" in text  # the one that asks
    assert server.http.get("/v1/identities").json()["total"] == 0


def test_a_head_beyond_all_measure_is_refused(hasty: Any) -> None:
    answer = raw(hasty.port, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert problem(answer) == "head_too_large"
    endless = [b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X-A: " + b"b" * 60_000 + b"\r\n"] * 50]
    assert problem(raw(hasty.port, *endless)) == "head_too_large"


@pytest.mark.parametrize(
    "bytes_",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50,
     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
     b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     b"POST /v1/embed HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"],
)  # fmt: skip
def test_what_is_not_http_is_answered_or_hung_up_on(hasty: Any, bytes_: bytes) -> None:
    answer = raw(hasty.port, bytes_, wait=3.0)  # an honest answer leaves the connection open
    assert not answer.startswith(b"HTTP/1.1 5")
    assert hasty.http.get("/healthz").status_code == 200


def test_too_many_connections_are_told_so(talk: Any) -> None:
    server = talk(connections=5, head_s=5.0)
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    time.sleep(0.2)
    assert problem(raw(server.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == "overloaded"
    for one in held:
        one.close()
    time.sleep(0.2)
    assert server.http.get("/healthz").status_code == 200


def test_more_than_can_be_done_is_refused_quickly_and_the_rest_is_done(
    talk: Any, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = talk(in_flight=4)
    batcher = server.built.service.keeper.now.batcher
    embed, gate = batcher._embed, threading.Event()
    monkeypatch.setattr(batcher, "_embed", lambda images: (gate.wait(20), embed(images))[1])
    with ThreadPoolExecutor(12) as callers:
        jobs = [callers.submit(server.http.post, "/v1/embed", files={"images": face(0)}) for _ in range(12)]
        for _ in range(200):
            if sum(job.done() for job in jobs) == 8:
                break
            time.sleep(0.05)
        assert server.http.get("/healthz").status_code == 200  # the process lives, and says so
        gate.set()
        said = [job.result() for job in jobs]
    assert sorted(one.status_code for one in said) == [200] * 4 + [503] * 8
    refused = [one for one in said if one.status_code == 503]
    assert {one.json()["code"] for one in refused} == {"overloaded"}
    assert {one.headers["retry-after"] for one in refused} == {"1"}


def test_a_request_that_takes_too_long_is_ended(talk: Any, face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    server = talk(work_s=0.4)
    batcher = server.built.service.keeper.now.batcher
    embed, gate = batcher._embed, threading.Event()
    monkeypatch.setattr(batcher, "_embed", lambda images: (gate.wait(20), embed(images))[1])
    said = server.http.post("/v1/embed", files={"images": face(0)})
    assert (said.status_code, said.json()["code"]) == (503, "too_slow")
    gate.set()
    assert server.http.post("/v1/embed", files={"images": face(0)}).status_code == 200


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bombs() -> dict[str, bytes]:
    """Files that mean harm; each is small."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    large = struct.pack(">IIBBBBB", 4096, 4096, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(10**7))
    honest = png(np.full((20, 20), 200, np.uint8))
    nan = io.BytesIO()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(nan, "TIFF")
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(30_000_000), 9))
    return {
        "png of 2.5 gigapixels": signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")),
        "png that unpacks to much": signature + chunk(b"IHDR", large) + chunk(b"IDAT", zlib.compress(bytes(10**8), 9)),
        "png with a long text": honest[:33] + text + honest[33:],
        "a strip": png(np.zeros((1, 10**6), np.uint8)),
        "a column": png(np.zeros((10**6, 1), np.uint8)),
        "zip": packed.getvalue(),
        "png and zip": honest + packed.getvalue(),
        "gif and script": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "svg with entities": b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\n",
        "cut in the head": honest[:20],
        "cut in the middle": honest[: len(honest) // 2],
        "cut at the end": honest[:-15],
        "wrong checksum": honest[:40] + b"\xff" + honest[41:],
        "nan floats": nan.getvalue(),
        "nothing": b"",
        "one byte": b"\x89",
        "jpeg head only": b"\xff\xd8\xff\xe0" + b"\0" * 100,
        "webp of lies": b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\x7f/\xff\xff\xff\xff",
        "a url": b"http://127.0.0.1:1/x.png",
        "a path": b"/etc/passwd",
        "pickle": b"\x80\x04\x95\x00",
    }


BOMBS = bombs()


@pytest.mark.parametrize("name", list(BOMBS))
def test_a_bomb_is_refused_by_name_or_read_as_the_picture_it_is(standing: Any, face: Face, name: str) -> None:
    http, content = standing.http, BOMBS[name]
    begun = time.monotonic()
    said = http.post("/v1/verify", files={"first": ("x", content), "second": ("y", face(0))})
    assert time.monotonic() - begun < 15
    readable = name in ("png and zip", "png that unpacks to much", "cut at the end")
    assert said.status_code == 200 if readable else said.status_code in (413, 415, 422), said.text
    assert http.post("/v1/embed", files={"images": ("x", content)}).status_code == 200
    if not readable:
        answer = said.json()
        assert answer["code"] in ("too_large", "unsupported_format", "unreadable_image")
        for leak in (HOME, "site-packages", "0x", "Traceback", "BytesIO", "passwd"):
            assert leak not in said.text
        assert http.post("/v1/identities", files={"images": content}, data={"identity": "x"}).status_code >= 400
    assert http.get("/readyz").status_code == 200


@settings(max_examples=60)
@given(
    st.sampled_from(["verify", "embed", "identities", "identify", "search", "read", "anomaly", "texts/compare"]),
    st.binary(max_size=300), st.sampled_from(["multipart/form-data; boundary=b", "application/json", "text/xml", ""]),
)  # fmt: skip
def test_no_body_whatever_it_is_makes_the_server_fail(standing: Any, route: str, body: bytes, kind: str) -> None:
    http = standing.http
    said = http.post(f"/v1/{route}", content=body, headers={"Content-Type": kind} if kind else {})
    assert 400 <= said.status_code < 500
    assert said.json()["code"]
    assert said.headers["content-type"] == "application/problem+json"
