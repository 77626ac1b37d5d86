from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from twinnet import ConfigError, ModelFileError
from twinnet.model import Model, load

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
THOROUGH = settings(SHARED, max_examples=300)


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_a_model_comes_back_as_it_was(saved: Path, model: Model, pictures: list[np.ndarray]) -> None:
    again = load(saved)
    assert np.array_equal(again.embed(pictures), model.embed(pictures))
    assert again.verify(pictures[0], pictures[1]) == model.verify(pictures[0], pictures[1])
    assert (again.rule, again.preprocess, again.spec, again.facts) == (
        model.rule, model.preprocess, model.spec, model.facts,
    )  # fmt: skip
    assert again.fingerprint == model.fingerprint


@pytest.mark.parametrize("comparison", ["cosine", "euclidean", "learned"])
def test_every_comparison_comes_back(make: Callable[..., Model], comparison: str, tmp_path: Path) -> None:
    model = make(comparison)
    with torch.no_grad():
        for weight in model.comparison.parameters():
            weight.mul_(1.25)
    model.save(tmp_path / "m")
    a, b = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    assert np.array_equal(load(tmp_path / "m").cross(a, b), model.cross(a, b))


def test_saving_what_was_loaded_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    load(saved).save(tmp_path / "again.twin")
    assert (tmp_path / "again.twin").read_bytes() == saved.read_bytes()


facts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda part: st.lists(part) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), part),
    max_leaves=12,
)  # fmt: skip


@SHARED
@given(facts)
def test_any_json_in_the_facts_comes_back(tmp_path: Path, make: Callable[..., Model], value: Any) -> None:
    make(value=value).save(tmp_path / "m")
    assert load(tmp_path / "m").facts == {"value": value}


def test_facts_that_json_lacks_are_saved_in_plain_form(tmp_path: Path, make: Callable[..., Model]) -> None:
    odd = {"nan": float("nan"), "inf": [np.float32("inf")], "n": np.int64(3), "x": np.float32(0.5), "t": (1, 2)}
    make(**odd).save(tmp_path / "m")
    assert load(tmp_path / "m").facts == {"nan": None, "inf": [None], "n": 3, "x": 0.5, "t": [1, 2]}


def test_loading_draws_no_random_number_and_keeps_nothing_of_the_file(saved: Path, pictures: list[np.ndarray]) -> None:
    before = torch.get_rng_state()
    model = load(saved)
    assert torch.equal(torch.get_rng_state(), before)
    expected = model.embed(pictures)
    with saved.open("r+b") as file:  # the same inode: a mapped tensor would follow
        file.write(bytes(saved.stat().st_size))
    assert np.array_equal(model.embed(pictures), expected)


@THOROUGH
@given(st.data())
def test_any_changed_byte_is_noticed(saved: Path, data: st.DataObject) -> None:
    content = bytearray(saved.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    # Half of the tries in the header, where a change could still be the same JSON.
    at = data.draw(st.integers(0, header - 1) | st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    damaged = saved.with_name("damaged.twin")
    damaged.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"damaged\.twin.*Next: "):
        load(damaged)


def test_every_padding_byte_counts(saved: Path) -> None:
    content = saved.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    padded = json.dumps(json.loads(content[8:header]), separators=(",", ":"), ensure_ascii=False).encode() + b" " * 8
    padded += b" " * (-len(padded) % 8)
    saved.write_bytes(len(padded).to_bytes(8, "little") + padded + content[header:])
    with pytest.raises(ModelFileError, match="not as it was written"):
        load(saved)


@SHARED
@given(st.data())
def test_a_file_cut_off_anywhere_is_refused(saved: Path, data: st.DataObject) -> None:
    content = saved.read_bytes()
    short = saved.with_name("short.twin")
    short.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(ModelFileError, match=r"short\.twin.*Next: "):
        load(short)


@SHARED
@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_another_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "noise").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"noise: .*Next: "):
        load(tmp_path / "noise")


def deep(path: Path) -> None:
    text = b'{"__metadata__":' + b"[" * 100_000
    path.write_bytes(len(text).to_bytes(8, "little") + text)


def with_torch(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: None, "there is no readable model file"),
        (Path.mkdir, "this is a folder"),
        (Path.touch, "the file is empty"),
        (lambda path: path.write_bytes(b"abc"), "shorter than any model"),
        (lambda path: path.write_bytes(b"<!DOCTYPE html><html>not found</html>"), "claims a header of"),
        (lambda path: path.write_bytes((2**63).to_bytes(8, "little") + bytes(64)), "claims a header of 9,223,3"),
        (lambda path: path.write_bytes((64).to_bytes(8, "little") + bytes(64)), "its header is not JSON"),
        (lambda path: path.write_bytes((4).to_bytes(8, "little") + b"[{}]"), "its header is not JSON"),
        (deep, "its header is not JSON"),
        (with_torch, "pickle or a zip, which twinnet never opens"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "pickle or a zip"),
        (lambda path: save_file({"w": torch.zeros(3)}, path), "not of a twinnet model"),
        (lambda path: save_file({"w": torch.zeros(3)}, path, metadata={"format": "pt"}), "not of a twinnet model"),
        (lambda path: save_file({"w": torch.zeros(3)}, path, metadata={"twinnet": "{"}), "its manifest is not JSON"),
        (lambda path: save_file({"w": torch.zeros(3)}, path, metadata={"twinnet": "[]"}), "names no format"),
    ],
)
def test_what_is_no_model_is_told_apart(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    path = tmp_path / "thing.twin"
    spoil(path)
    with pytest.raises(ModelFileError, match=rf"thing\.twin: .*{says}.*Next: "):
        load(path)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    (tmp_path / "evil.twin").write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(ModelFileError):
        load(tmp_path / "evil.twin")
    assert not trace.exists()
    pickle.loads((tmp_path / "evil.twin").read_bytes())  # the bomb works
    assert trace.exists()


def test_a_model_whose_length_begins_like_a_zip_is_read(tmp_path: Path, make: Callable[..., Model]) -> None:
    path = tmp_path / "m"
    zip_magic = int.from_bytes(b"PK", "little")
    make(pad="").save(path)
    missing = zip_magic - int.from_bytes(path.read_bytes()[:8], "little")
    make(pad="x" * missing).save(path)
    assert path.read_bytes()[:2] == b"PK"
    assert load(path).facts == {"pad": "x" * missing}


def test_a_failed_write_keeps_the_old_model_and_leaves_nothing_else(
    saved: Path, make: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelFileError, match=r"small\.twin: the model cannot be written \(No space left"):
        make(seed=1).save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_parts_that_could_not_be_built_again_are_not_saved(model: Model, tmp_path: Path) -> None:
    from dataclasses import replace

    class Mine(torch.nn.Module):
        pass

    with pytest.raises(ConfigError, match="comparison 'mine' is unknown"):
        replace(model, comparison=Mine()).save(tmp_path / "m")
    with pytest.raises(ConfigError, match=r"its encoder is not what its spec says: tensor .* is needed"):
        replace(model, spec=replace(model.spec, dim=9)).save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
