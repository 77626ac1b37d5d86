"""An import is there as a whole or not at all, and a file that is not as `export` writes it is named."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contract import BOUND, DIM, people, vectors

from twinnet.core.errors import GalleryError
from twinnet.core.seeds import stream
from twinnet.gallery import Entry, LocalStore, export, import_
from twinnet.gallery.local import rows

N = 400


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    with LocalStore.create(tmp_path / "from", BOUND) as store:
        store.add(people(vectors(20)))
        export(store, tmp_path / "e.parquet")
    return tmp_path / "e.parquet"


def put(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def at_row_7(name: str, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[6] = value
        return put(table, name, pa.array(values, table.schema.field(name).type))

    return change


SPOILT: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no column": (lambda t: t.drop_columns(["metadata"]), "column 'metadata' is missing, and string is needed"),
    "other type": (lambda t: put(t, "n_items", t["n_items"].cast("string")), "column 'n_items' is of type string"),
    "other dims": (
        lambda t: put(t, "embedding", pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(60, np.float32)), 3)),
        r"column 'embedding' is of type fixed_size_list.*\[3\], and fixed_size_list.*\[16\] is needed",
    ),
    "nan": (at_row_7("embedding", [float("nan")] * DIM), "embedding of row 7 has values that are not finite"),
    "no embedding": (at_row_7("embedding", None), "row 7 has nothing in 'embedding'"),
    "no name": (at_row_7("identity", " "), "row 7 names no identity"),
    "null name": (at_row_7("identity", None), "row 7 has nothing in 'identity'"),
    "metadata": (at_row_7("metadata", "[1]"), "metadata of row 7 are no JSON object"),
    "count": (at_row_7("n_items", 0), "row 7 counts 0 items"),
    "originals": (at_row_7("originals", [b"1", b"2"]), "row 7 counts 1 items, and has 2 originals"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_file_that_is_not_as_export_writes_it_is_named_and_nothing_is_imported(
    exported: Path, tmp_path: Path, what: str
) -> None:
    change, says = SPOILT[what]
    pq.write_table(change(pq.read_table(exported)), exported)
    with LocalStore.create(tmp_path / "to", BOUND) as store:
        with pytest.raises(GalleryError, match=says + ".*nothing was imported. Next: export it again"):
            import_(store, exported)
        assert store.enrolled() == []


@pytest.mark.parametrize("left", [0.5, 0.99])
def test_a_truncated_export_is_refused(exported: Path, tmp_path: Path, left: float) -> None:
    exported.write_bytes(exported.read_bytes()[: int(exported.stat().st_size * left)])
    with LocalStore.create(tmp_path / "to", BOUND) as store:
        with pytest.raises(GalleryError, match="no export of a gallery"):
            import_(store, exported)
        assert store.enrolled() == []


def test_a_damaged_page_of_an_export_is_refused(exported: Path, tmp_path: Path) -> None:
    content = bytearray(exported.read_bytes())
    content[40:200] = bytes(160)
    exported.write_bytes(content)
    with LocalStore.create(tmp_path / "to", BOUND) as store:
        with pytest.raises(GalleryError, match="nothing was imported"):
            import_(store, exported)
        assert store.enrolled() == []


def test_a_fault_in_the_middle_leaves_what_was_there_before(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalStore.create(tmp_path / "to", BOUND) as store:
        store.add([Entry("Bob", vectors(1, 3))])
        whole, calls = rows.insert, []

        def breaks(*args: Any) -> Any:
            calls.append(1)
            if len(calls) == 11:
                raise OSError("the cable was pulled")
            return whole(*args)

        with monkeypatch.context() as patch, pytest.raises(OSError, match="cable"):
            patch.setattr(rows, "insert", breaks)
            import_(store, exported)
        assert len(calls) == 11
        assert [one.name for one in store.enrolled()] == ["Bob"]
        assert store.problems() == []
        assert import_(store, exported) == 20


IMPORTS = """
import os, sys
import faiss, pyarrow.parquet
from twinnet.gallery import LocalStore, import_
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        import_(LocalStore.open(line.strip()), sys.argv[1])
        os.write(1, b"done\\n")
        os._exit(0)
    os.write(1, f"{child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL and fork are POSIX")
def test_a_killed_import_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    rng, seen, begun, lasted = stream(0, "moments of death in an import"), set[int](), 0.0, 0.0
    with LocalStore.create(tmp_path / "from", BOUND) as store:
        store.add(people(vectors(N)))
        export(store, tmp_path / "e.parquet")
    command = [sys.executable, "-c", IMPORTS, str(tmp_path / "e.parquet")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as parent:
        assert parent.stdin
        assert parent.stdout
        for death in range(5):
            folder = tmp_path / f"to{death}"
            LocalStore.create(folder, BOUND).close()
            parent.stdin.write(f"{folder}\n")
            done = (line := parent.stdout.readline()) == "done\n"
            child = int(parent.stdout.readline() if done else line)
            if death == 0:
                begun = time.monotonic()
            else:
                time.sleep(float(rng.uniform(0, lasted)))
                with contextlib.suppress(ProcessLookupError):  # it was quicker
                    os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline()) != "dead\n":
                done |= line == "done\n"
            if death == 0:  # this one lived
                lasted = time.monotonic() - begun
            with LocalStore.open(folder) as store:
                there = store.n_identities
                assert there in {0, N}
                assert there == N or not done
                assert store.problems() == []
                seen.add(there)
        parent.stdin.close()
    assert seen == {0, N}


def test_an_export_of_nobody_comes_back_as_nobody(tmp_path: Path) -> None:
    with LocalStore.create(tmp_path / "from", BOUND) as store:
        assert export(store, tmp_path / "e.parquet") == 0
        assert import_(store, tmp_path / "e.parquet") == 0
    facts = pq.read_schema(tmp_path / "e.parquet").metadata[b"twinnet.gallery"]
    assert json.loads(facts) == BOUND.to_dict()
