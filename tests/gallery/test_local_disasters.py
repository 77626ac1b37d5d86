"""Processes killed at random moments, full disks, folders that cannot be written, files cut short.

TWINNET_KILLS=100 kills more often. A bad index, two writers, 200 readers and a clock set back: test_local_store.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from contract import BOUND, DIM, people, vectors

from twinnet.core.errors import GalleryDamaged, GalleryError
from twinnet.core.seeds import stream
from twinnet.gallery import Entry, LocalStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL, RLIMIT and fork are POSIX")

KILLS = int(os.environ.get("TWINNET_KILLS", "25"))

# One light process is forked for every life: importing once keeps a hundred deaths within seconds.
ENROLS = """
import os, sys
import faiss
import numpy as np
from twinnet.gallery import Entry, LocalStore
assert "torch" not in sys.modules
folder, first = sys.argv[1], 0
for line in sys.stdin:
    first = int(line)
    child = os.fork()
    if child == 0:
        store = LocalStore.open(folder, exact_limit=100)
        while True:
            name = f"p{first}"
            rng = np.random.default_rng(first)
            store.add([Entry(name, rng.normal(size=(3, 16)).astype(np.float32), "all")])
            os.write(1, f"ack {first}\\n".encode())
            if first % 5 == 4:
                os.write(1, f"forgetting {first}\\n".encode())
                store.forget([name])
                os.write(1, f"forgot {first}\\n".encode())
            first += 1
    os.write(1, f"child {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def test_kills_at_random_moments_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    folder, rng = tmp_path / "g", stream(0, "moments of death")
    LocalStore.create(folder, BOUND).close()
    acked, maybe_forgotten, forgotten, next_one = set[int](), set[int](), set[int](), 0
    command = [sys.executable, "-c", ENROLS, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as parent:
        assert parent.stdin
        assert parent.stdout
        for death in range(KILLS):
            parent.stdin.write(f"{next_one}\n")
            child = 0
            while not child:
                word, number = parent.stdout.readline().split()
                if word == "child":
                    child = int(number)
                else:  # the child was quicker than its parent's word about it
                    {"ack": acked, "forgetting": maybe_forgotten, "forgot": forgotten}[word].add(int(number))
            if death % 2:  # however slow the machine, every other life gets something done
                word, number = parent.stdout.readline().split()
                {"ack": acked, "forgetting": maybe_forgotten, "forgot": forgotten}[word].add(int(number))
            time.sleep(float(rng.uniform(0, 0.05)))
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline().split()) != ["dead"]:
                {"ack": acked, "forgetting": maybe_forgotten, "forgot": forgotten}[line[0]].add(int(line[1]))
            with LocalStore.open(folder, exact_limit=100) as store:
                there = {int(one.name[1:]): one.templates for one in store.enrolled()}
                assert acked - maybe_forgotten <= set(there), f"lost after death {death}"
                assert not forgotten & set(there)
                assert set(there.values()) <= {3}  # nobody is half there
                assert death % 5 or store.problems() == []
                next_one = max(acked | set(there), default=-1) + 1
        parent.stdin.close()
    with LocalStore.open(folder) as store:
        assert store.problems() == []
        assert len(acked) >= KILLS // 2
        for one in store.enrolled()[::20]:
            rows = np.random.default_rng(int(one.name[1:])).normal(size=(3, DIM)).astype(np.float32)
            assert np.array_equal(store.templates(store.keys_of(one.name)), rows)


FULL = """
import resource, sys
import numpy as np
from twinnet.core.errors import GalleryError
from twinnet.gallery import Entry, LocalStore
store = LocalStore.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
rng, i = np.random.default_rng(0), 0
try:
    while True:
        store.add([Entry(f"p{i}", rng.normal(size=(100, 16)).astype(np.float32), "all")])
        i += 1
except GalleryError as error:
    print(i, error)
print(store.n_identities, len(store.shortlist(np.zeros((1, 16), np.float32), 3).keys))
"""


def test_a_full_disk_keeps_what_was_acknowledged_and_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    LocalStore.create(folder, BOUND).close()
    done = subprocess.run([sys.executable, "-c", FULL, str(folder)], capture_output=True, text=True, check=True)
    said, after = done.stdout.splitlines()
    acked, message = said.split(" ", 1)
    assert int(acked) > 5
    assert "the disk took no more" in message
    assert "Next: free some space and repeat." in message
    assert after == f"{acked} 1"
    with LocalStore.open(folder) as store:
        assert store.n_identities == int(acked)
        assert store.problems() == []
        store.add([Entry("later", vectors(1))])


FULL_WHILE_FORGETTING = """
import resource, sys
from pathlib import Path
from twinnet.gallery import LocalStore
store = LocalStore.open(sys.argv[1])
size = (Path(sys.argv[1]) / "record.sqlite").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))  # the log of a VACUUM is longer
print(store.forget(["p3"]).erased, store.n_identities)
print(store.notes)
store.close()
"""


def test_a_disk_that_is_full_while_forgetting_is_said_so_and_the_next_erases(tmp_path: Path) -> None:
    folder, stored = tmp_path / "g", vectors(3000)
    with LocalStore.create(folder, BOUND) as store:
        store.add(people(stored))
    command = [sys.executable, "-c", FULL_WHILE_FORGETTING, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer, notes = done.stdout.splitlines()
    assert answer == "False 2999"
    assert "its bytes are still on the disk" in notes
    assert "Next: free as much space as it takes" in notes
    with LocalStore.open(folder) as store:
        assert store.vault.read("SELECT erasing FROM state") == [(0,)]
        assert store.problems() == []
        assert store.n_identities == 2999
    assert stored[3].tobytes() not in b"".join(file.read_bytes() for file in folder.iterdir())


@pytest.mark.parametrize("left", [0, 50, 4096, 0.5, 0.999])
def test_a_truncated_record_is_named_and_not_written_to(tmp_path: Path, left: float) -> None:
    folder = tmp_path / "g"
    with LocalStore.create(folder, BOUND) as store:
        store.add(people(vectors(300)))
    file = folder / "record.sqlite"
    content = file.read_bytes()
    cut = content[: int(left if left >= 1 else left * len(content))]
    file.write_bytes(cut)
    with pytest.raises(GalleryDamaged, match="Next: restore it from a backup or an export"):
        LocalStore.open(folder)
    assert file.read_bytes() == cut


def test_a_truncated_log_loses_no_more_than_was_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    store = LocalStore.create(folder, BOUND)
    for i, row in enumerate(vectors(30)):
        store.add([Entry(f"p{i}", row[None])])
    left = Path(shutil.copytree(folder, tmp_path / "left"))
    store.close()
    (left / "record.sqlite-shm").unlink()  # SQLite makes it anew
    log = left / "record.sqlite-wal"
    log.write_bytes(log.read_bytes()[: int(log.stat().st_size * 0.6)])
    with LocalStore.open(left) as store:
        there = [one.name for one in store.enrolled()]
        assert there == [f"p{i}" for i in range(len(there))]  # whole enrolments, the first ones
        assert 0 < len(there) < 30
        assert store.problems() == []


READS = """
import os, sys
import numpy as np
from twinnet.core.errors import GalleryError
from twinnet.gallery import Entry, LocalStore
if os.getuid() == 0:
    os.setuid(65534)  # permissions do not bind the superuser
store = LocalStore.open(sys.argv[1], exact_limit=4)
print(store.shortlist(np.load(sys.argv[2]), 1).keys.ravel().tolist(), store.problems())
try:
    store.add([Entry("x", np.zeros((1, 16), np.float32))])
except GalleryError as error:
    print(error)
store.close()
"""


def test_a_folder_that_can_only_be_read_is_read() -> None:
    with tempfile.TemporaryDirectory() as root:
        folder, probes = Path(root) / "g", Path(root) / "probes.npy"
        with LocalStore.create(folder, BOUND, exact_limit=4) as store:
            store.add(people(vectors(9)))
        np.save(probes, vectors(9))
        for path in (Path(root), *Path(root).iterdir(), *folder.iterdir()):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            command = [sys.executable, "-c", READS, str(folder), str(probes)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        finally:
            Path(root).chmod(0o755)
            folder.chmod(0o755)
    found, refused = done.stdout.splitlines()
    assert found == "[1, 2, 3, 4, 5, 6, 7, 8, 9] []"
    assert "can only be read here" in refused


def test_a_place_where_no_folder_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(GalleryError, match="no gallery can be made here"):
        LocalStore.create(tmp_path / "file" / "g", BOUND)
