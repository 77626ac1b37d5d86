"""A process that is stopped, killed, starved of disk, locked out and given another model. It loses nothing it said."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from twinnet import Model
from twinnet.core.seeds import stream
from twinnet.gallery import LocalStore
from twinnet.server.known import WAIT_S

pytest.importorskip("httpx")
from served_process import Served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, prlimit and SIGKILL as Linux has them")
Face = Callable[..., bytes]
KILLS = int(os.environ.get("TWINNET_KILLS", "3"))


def enrol(served: Served, name: str, content: bytes) -> Any:
    return served.http.post("/v1/identities", files={"images": content}, data={"identity": name})


def test_it_serves_where_torch_is_not_and_ends_well_when_told_to(exported: Path, face: Face, tmp_path: Path) -> None:
    with Served(exported, "--gallery", tmp_path / "g", log=tmp_path / "log") as served:
        assert enrol(served, "Ada", face(0)).status_code == 201
        files = {"first": face(0), "second": face(1)}
        answer = served.http.post("/v1/verify", files=files, data={"explain": "true"}).json()
        assert answer["explanation"]
        words = {"first": "one two three four five six", "second": "six five four three two one"}
        assert served.http.post("/v1/texts/compare", json=words).status_code == 200
        with ThreadPoolExecutor(16) as callers:
            jobs = [callers.submit(served.http.post, "/v1/embed", files=[("images", face(0))] * 8) for _ in range(48)]
            time.sleep(0.05)
            assert served.stop() == 0
            ended = [job.exception() or job.result().status_code for job in jobs]
        # What was begun is finished; what came later was refused, by a problem or by a closed port.
        assert 200 in ended
        assert all(code in (200, 503) or isinstance(code, Exception) for code in ended)
        assert [line for line in served.lines() if line["level"] in ("error", "critical")] == []
        # It runs where everything else is read-only, as the image does.
        assert served.written()
        assert [path for path in served.written() if tmp_path / "g" not in path.parents] == []


def test_an_enrolment_under_way_is_finished_when_it_is_told_to_stop(exported: Path, face: Face, tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(12)]
    with Served(exported, "--gallery", tmp_path / "g", log=tmp_path / "log") as served:
        with ThreadPoolExecutor(12) as callers:
            jobs = [callers.submit(enrol, served, name, face(0)) for name in names]
            time.sleep(0.1)
            assert served.stop() == 0
        kept = {name for name, job in zip(names, jobs, strict=True) if not job.exception() and job.result().is_success}
    assert kept
    with LocalStore.open(tmp_path / "g") as store:
        assert kept <= {one.name for one in store.enrolled()}


def test_kills_during_enrolment_lose_nothing_that_was_acknowledged(exported: Path, face: Face, tmp_path: Path) -> None:
    acknowledged, rng, number = set[str](), stream(0, "moments of death"), 0
    for _ in range(KILLS):
        with Served(exported, "--gallery", tmp_path / "g", log=tmp_path / "log") as served:
            there = {
                one["identity"]
                for one in served.http.get("/v1/identities", params={"limit": 1000}).json()["identities"]
            }
            assert acknowledged <= there
            ended = threading.Event()

            def enrols(start: int, served: Served = served, ended: threading.Event = ended) -> None:
                i = start
                while not ended.is_set():
                    try:
                        if enrol(served, f"p{i}", face(0)).status_code == 201:
                            acknowledged.add(f"p{i}")
                    except Exception:
                        return
                    i += 1

            threads = [threading.Thread(target=enrols, args=(number + 10_000 * k,)) for k in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.3 + float(rng.uniform(0, 0.3)))
            served.kill()
            ended.set()
            for thread in threads:
                thread.join()
            number += 1000
    with LocalStore.open(tmp_path / "g") as store:
        assert store.problems() == []
        assert acknowledged <= {one.name for one in store.enrolled()}
        assert len(acknowledged) >= KILLS


def test_a_full_disk_is_said_so_and_reading_goes_on(exported: Path, face: Face, tmp_path: Path) -> None:
    import resource

    with Served(exported, "--gallery", tmp_path / "g", "--keep-originals", log=tmp_path / "log") as served:
        assert enrol(served, "Ada", face(0)).status_code == 201
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
        said = [enrol(served, f"p{i}", face(1) + bytes(20_000)) for i in range(8)]
        full = [one for one in said if one.status_code == 507]
        assert full
        assert full[0].json()["code"] == "disk_full"
        assert str(tmp_path) not in full[0].text
        assert served.http.post("/v1/identify", files={"image": face(0)}).json()["matches"][0]["identity"] == "Ada"
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert enrol(served, "Bo", face(2)).status_code == 201
        there = {one["identity"] for one in served.http.get("/v1/identities").json()["identities"]}
        assert there == {"Ada", "Bo", *(f"p{i}" for i, one in enumerate(said) if one.status_code == 201)}


def test_a_gallery_that_another_process_locks_is_busy_to_write_and_open_to_read(
    exported: Path, face: Face, tmp_path: Path
) -> None:
    with Served(exported, "--gallery", tmp_path / "g", log=tmp_path / "log") as served:
        enrol(served, "Ada", face(0))
        lock = sqlite3.connect(tmp_path / "g" / "record.sqlite", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(enrol, served, "Bo", face(1))
            time.sleep(0.3)
            reads = 0
            while not waiting.done():
                match = served.http.post("/v1/identify", files={"image": face(0)}).json()["matches"][0]
                assert match["identity"] == "Ada"
                reads += 1
            said = waiting.result()
        lock.execute("ROLLBACK")
        lock.close()
        assert (said.status_code, said.json()["code"]) == (503, "gallery_busy")
        assert said.headers["retry-after"]
        assert reads > 3  # while the writer waited
        assert enrol(served, "Bo", face(1)).status_code == 201


def test_another_model_is_taken_up_without_a_request_being_dropped(
    exported: Path, twins: Model, face: Face, tmp_path: Path
) -> None:
    from dataclasses import replace

    import torch

    from twinnet.apps.export import export

    model = tmp_path / "served.onnx"
    shutil.copy(exported, model)
    with torch.no_grad():
        other = replace(twins, encoder=torch.nn.Sequential(twins.encoder, torch.nn.Linear(16, 16)).eval())
    export(other.with_rule(None), tmp_path / "other.onnx")
    with Served(model, log=tmp_path / "log") as served:
        seen, codes, ended = [], [], threading.Event()

        def asks() -> None:
            while not ended.is_set():
                said = served.http.post("/v1/embed", files={"images": face(0)})
                codes.append(said.status_code)
                seen.append(said.json()["model"])

        threads = [threading.Thread(target=asks) for _ in range(4)]
        for thread in threads:
            thread.start()
        (tmp_path / "half.onnx").write_bytes(exported.read_bytes()[:1000])
        (tmp_path / "half.onnx").replace(model)  # half a copy: the old one goes on
        served.process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert set(seen) == {twins.fingerprint}
        (tmp_path / "other.onnx").replace(model)
        for _ in range(200):
            if seen[-1] != twins.fingerprint:
                break
            time.sleep(0.05)
        ended.set()
        for thread in threads:
            thread.join()
        assert set(codes) == {200}
        assert set(seen) == {twins.fingerprint, other.fingerprint}
        assert any("cannot be taken up" in line["message"] for line in served.lines())


def test_a_gallery_and_its_model_are_changed_together(twins: Model, exported: Path, face: Face, tmp_path: Path) -> None:
    from dataclasses import replace

    import torch

    from twinnet import Gallery, encoders
    from twinnet.apps.export import export

    model = tmp_path / "served.onnx"
    shutil.copy(exported, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        fresh = encoders.build(twins.spec)
        with torch.no_grad():
            fresh(torch.randn(64, 1, 16, 16))
    other = replace(twins, encoder=fresh.eval())
    export(other, tmp_path / "other.onnx")
    with Served(model, "--gallery", tmp_path / "g", "--keep-originals", log=tmp_path / "log") as served:
        enrol(served, "Ada", face(3))
        shutil.copy(tmp_path / "other.onnx", tmp_path / "new.onnx")
        (tmp_path / "new.onnx").replace(model)  # does not fit the gallery yet: nothing changes
        time.sleep(1.5)
        before = served.http.post("/v1/identify", files={"image": face(3)}).json()
        assert (before["model"], before["matches"][0]["identity"]) == (twins.fingerprint, "Ada")
        with Gallery.open(tmp_path / "g", twins) as known:
            known.migrate(other)
        after = served.http.post("/v1/identify", files={"image": face(3)})  # at once, not when the watch comes round
        assert after.status_code == 200, after.text
        assert after.json()["model"] == other.fingerprint
        assert after.json()["matches"][0]["distance"] == pytest.approx(0, abs=1e-5)


def test_no_secret_no_picture_and_no_embedding_is_ever_logged(exported: Path, face: Face, tmp_path: Path) -> None:
    from twinnet.server.keys import add_key

    key = add_key(tmp_path / "keys.json", "door", ["read", "enrol", "delete"])
    wrong = "tw_12345678_this-is-a-secret-that-is-wrong"
    options = ("--gallery", tmp_path / "g", "--keys", tmp_path / "keys.json", "--audit", tmp_path / "audit")
    with Served(exported, *options, log=tmp_path / "log") as served:
        right = {"Authorization": f"Bearer {key}"}
        for headers in (right, {"Authorization": f"Bearer {wrong}"}, {"Authorization": f"Basic {wrong}"}):
            served.http.get("/v1/model", headers=headers)
            named = {"images": ("secret-name.png", face(0))}
            served.http.post("/v1/identities", files=named, data={"identity": "Ada Secret"}, headers=headers)
            served.http.get("/v1/identities/Ada Secret", headers=headers)
            served.http.get("/v1/picture?identity=Ada Secret", headers=headers)
            served.http.post(
                "/v1/embed", files={"images": ("secret-name.png", b"not a picture: s3cr3t")}, headers=headers
            )
            texts = {"first": "my secret diary", "second": "x"}
            served.http.post("/v1/texts/compare", json=texts, headers=headers)
            served.http.post("/v1/texts/compare", content=b'{"first": "my secret', headers=headers)
        answer = served.http.post("/v1/embed", files={"images": face(0)}, headers=right).json()
        served.http.delete("/v1/identities/Ada Secret", headers=right)
        served.stop()
        log = served.log.read_text()
    assert len([line for line in log.splitlines() if '"message": "request"' in line]) >= 20
    for never in (
        key,
        key.split("_", 2)[2],
        wrong,
        "secret",
        "s3cr3t",
        "Secret",
        *(str(x)[:8] for x in answer["items"][0]["embedding"]),
    ):
        assert never not in log, never
    assert key not in (tmp_path / "audit").read_text()


def test_a_milvus_that_goes_away_is_said_so_at_once_and_has_all_when_it_is_back(
    exported: Path, face: Face, tmp_path: Path
) -> None:
    import milvus_server

    server = milvus_server.start(tmp_path)
    try:
        with Served(exported, "--gallery", f"{server.uri}/people", log=tmp_path / "log", barred=["torch"]) as served:
            assert enrol(served, "Ada", face(3)).status_code == 201
            server.kill()
            probe = {"image": face(3)}
            said = served.http.post("/v1/identify", files=probe)
            assert (said.status_code, said.json()["code"]) == (503, "gallery_away")
            assert said.headers["retry-after"]
            assert str(server.port) not in said.text
            begun = time.monotonic()
            more = [served.http.post("/v1/identify", files=probe) for _ in range(3)]  # none of them waits in its turn
            assert {one.status_code for one in more} == {503}
            assert time.monotonic() - begun < 3 * WAIT_S
            assert served.http.get("/readyz").status_code == 503
            assert served.http.get("/healthz").status_code == 200
            files = {"first": face(0), "second": face(1)}
            assert served.http.post("/v1/verify", files=files).status_code == 200  # what needs no gallery goes on
            server.start()
            for _ in range(100):
                if served.http.get("/readyz").status_code == 200:
                    break
                time.sleep(0.1)
            assert served.http.post("/v1/identify", files=probe).json()["matches"][0]["identity"] == "Ada"
            assert enrol(served, "Bo", face(5)).status_code == 201
            assert served.stop() == 0
    finally:
        server.kill()
