"""docs/formats.md, followed with json, hashlib and NumPy alone: neither safetensors nor our own reader is used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twinnet.model import Model, load

KINDS = {"F32": ("<f4", "float32"), "I64": ("<i8", "int64")}
Header = dict[str, Any]


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def take_apart(content: bytes) -> tuple[Header, bytes]:
    n = int.from_bytes(content[:8], "little")
    assert n % 8 == 0
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def hashed(manifest: Header, header: Header, data: bytes) -> str:
    parts = canonical({k: v for k, v in manifest.items() if k != "hash"})
    for name in sorted(set(header) - {"__metadata__"}):
        begin, end = header[name]["data_offsets"]
        parts += canonical([name, KINDS[header[name]["dtype"]][1], header[name]["shape"]]) + data[begin:end]
    return hashlib.sha256(parts).hexdigest()


def put_together(manifest: Header, header: Header, data: bytes) -> bytes:
    manifest = {**manifest, "hash": hashed(manifest, header, data)}
    whole = {**header, "__metadata__": {"twinnet": canonical(manifest).decode()}}
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def test_the_description_gives_every_weight_and_the_manifest(saved: Path, model: Model) -> None:
    header, data = take_apart(saved.read_bytes())
    manifest = json.loads(header.pop("__metadata__")["twinnet"])
    assert set(manifest) == {"format", "encoder", "preprocess", "comparison", "rule", "facts", "hash"}
    assert manifest["format"] == 1
    assert manifest["encoder"]["name"] == "compact"
    assert manifest["rule"]["threshold"] == 0.25
    assert manifest["facts"] == {"note": "für Tests ✓"}
    for name, tensor in model.encoder.state_dict().items():
        entry = header.pop(f"encoder.{name}")
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], KINDS[entry["dtype"]][0]).reshape(entry["shape"])
        assert np.array_equal(values, tensor.numpy())
    assert not header  # nothing but what was described


def test_the_description_gives_the_hash_and_the_fingerprint(saved: Path, model: Model) -> None:
    header, data = take_apart(saved.read_bytes())
    manifest = json.loads(header["__metadata__"]["twinnet"])
    assert manifest["hash"] == hashed(manifest, header, data)
    core = {key: manifest[key] for key in ("encoder", "preprocess", "comparison")}
    assert model.fingerprint == hashlib.sha256(hashed(core, header, data).encode()).hexdigest()[:16]


def test_a_file_put_together_by_the_description_is_read(saved: Path, pictures: list[np.ndarray]) -> None:
    before = load(saved)
    header, data = take_apart(saved.read_bytes())
    manifest = json.loads(header["__metadata__"]["twinnet"])
    manifest["rule"]["threshold"] = 0.125
    saved.write_bytes(put_together(manifest, header, data))
    after = load(saved)
    assert after.known_rule.threshold == 0.125
    assert after.fingerprint == before.fingerprint
    assert np.array_equal(after.embed(pictures), before.embed(pictures))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "reads up to 1.*upgrade"),
        ({"format": 0}, "names no format"),
        ({"format": "1"}, "names no format"),
        ({"surprise": 1}, "lacks or has too much: surprise"),
        ({"encoder": {"name": "transformer"}}, "encoder 'transformer' is unknown"),
        ({"encoder": {"name": "compact", "dim": 10**12, "width": 4}}, "is needed"),
        ({"encoder": {"name": "compact", "width": 10**15}}, "do not fit together"),
        ({"encoder": []}, "do not fit together"),
        ({"preprocess": {"height": 16, "width": 16, "colour": "sepia"}}, "unknown colour"),
        ({"comparison": "astrology"}, "comparison 'astrology' is unknown"),
        ({"comparison": "learned"}, "tensor comparison.bias is missing"),
        ({"rule": {"threshold": 0.1, "method": "eer", "mood": "good"}}, "unknown settings: mood"),
        ({"rule": {"threshold": 0.1, "method": "eer", "abstain": ["low", "high"]}}, "do not fit together"),
        ({"rule": {"threshold": 0.1, "method": "eer", "calibrator": {"kind": "voodoo"}}}, "'voodoo' is unknown"),
    ],
)
def test_a_manifest_with_a_right_hash_and_wrong_content_is_refused(
    saved: Path, change: dict[str, Any], says: str
) -> None:
    from twinnet import ModelFileError

    header, data = take_apart(saved.read_bytes())
    manifest = {**json.loads(header["__metadata__"]["twinnet"]), **change}
    saved.write_bytes(put_together(manifest, header, data))
    with pytest.raises(ModelFileError, match=f"(?s)small.twin.*{says}"):
        load(saved)


@pytest.mark.parametrize("kind", ["missing", "extra", "reshaped", "retyped"])
def test_tensors_that_do_not_make_up_the_network_are_named(saved: Path, kind: str) -> None:
    from twinnet import ModelFileError

    header, data = take_apart(saved.read_bytes())
    manifest = json.loads(header["__metadata__"]["twinnet"])
    name = "encoder.fc.weight"
    last = max(header.keys() - {"__metadata__"}, key=lambda key: header[key]["data_offsets"][1])
    if kind == "missing":
        name, begin = last, header[last]["data_offsets"][0]
        del header[last]
        data = data[:begin]
        says = f"tensor {name} is missing"
    elif kind == "extra":
        header["payload"] = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
        data += bytes(4)
        says = "tensor payload belongs to no part"
    elif kind == "reshaped":
        header[name]["shape"] = header[name]["shape"][::-1]
        says = rf"tensor {name} is float32 \(64, 8\) where float32 \(8, 64\) is needed"
    else:
        name = next(key for key in header if key.endswith("num_batches_tracked"))
        begin, end = header[name]["data_offsets"]
        header[name] = {"dtype": "F32", "shape": [2], "data_offsets": [begin, end]}
        says = f"tensor {name} is float32"
    saved.write_bytes(put_together(manifest, header, data))
    with pytest.raises(ModelFileError, match=says):
        load(saved)
