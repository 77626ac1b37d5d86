from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Write images, each of its own pixels, at the given relative names; other suffixes become text files."""

    def make(*names: str, root: str = "root") -> Path:
        for i, name in enumerate(names):
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in (".png", ".pgm", ".jpg"):
                pixels = np.random.default_rng(i).integers(0, 256, (6, 5), dtype=np.uint8)
                Pillow.fromarray(pixels).save(path)
            else:
                path.write_text("not an image")
        return tmp_path / root

    return make


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Pack a folder, under `top` where given."""

    def pack(folder: Path, top: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "packed.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, top + str(file.relative_to(folder)))
        return path

    return pack
