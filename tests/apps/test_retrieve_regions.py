"""Parts of a picture, and asking an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from twinnet import Model, Preprocess, compare, encoders
from twinnet.apps.retrieve import Box, index_folder, query
from twinnet.apps.retrieve.regions import boxes
from twinnet.core.errors import ConfigError, DataError, WrongModel
from twinnet.encoders import EncoderSpec


def model(seed: int = 0) -> Model:
    spec = EncoderSpec("compact", 3, 8, width=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = encoders.build(spec)
    return Model(encoder, compare.build("cosine", 8), Preprocess(16, 16, 3), None, {}, spec)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root, rng = tmp_path / "pictures", np.random.default_rng(0)
    root.mkdir()
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(root / f"{i}.png")
    return root


def test_the_parts_of_a_picture_lie_inside_and_the_whole_comes_first() -> None:
    image = np.zeros((48, 90, 3), np.uint8)
    made = list(boxes(image, parts=True))
    assert (made[0].width, made[0].height) == (90, 48)
    assert len(made) == len(set(made)) == 14
    for box in made:
        assert box.cut(image).shape == (box.height, box.width, 3)
    assert list(boxes(image, parts=False)) == made[:1]
    assert len(list(boxes(np.zeros((20, 90, 3), np.uint8), parts=True))) == 1  # parts of 13 rows show nothing


def test_a_box_is_read_back_as_it_is_written_and_nonsense_is_refused() -> None:
    assert Box.read(str(Box(1, 2, 3, 4))) == Box(1, 2, 3, 4)
    for text in ("1,2,3", "a,b,c,d", "-1,0,5,5", "0,0,0,5"):
        with pytest.raises(ConfigError, match="crop"):
            Box.read(text)


def test_each_picture_stands_once_in_an_answer_by_its_nearest_region(folder: Path, tmp_path: Path) -> None:
    made = model()
    index_folder(made, folder, tmp_path / "index", parts=True)
    found = query(tmp_path / "index", folder / "3.png", k=6, model=made)
    assert sorted(hit.name for hit in found.hits) == [f"{i}.png" for i in range(6)]
    distances = [hit.distance for hit in found.hits]
    assert distances == sorted(distances)
    assert (found.hits[0].name, found.hits[0].box) == ("3.png", Box(0, 0, 64, 48))
    assert found.hits[0].same is None  # the model has no threshold


def test_an_index_is_of_one_model_and_one_folder(folder: Path, tmp_path: Path) -> None:
    index_folder(model(), folder, tmp_path / "index")
    with pytest.raises(WrongModel):
        index_folder(model(1), folder, tmp_path / "index")
    with pytest.raises(DataError, match="no folder"):
        index_folder(model(), tmp_path / "nowhere", tmp_path / "index")


def test_an_interrupted_run_is_finished_by_the_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twinnet.apps.retrieve.index._AT_ONCE", 2)
    made, times = model(), []

    def dies(self: Model, images: np.ndarray) -> np.ndarray:
        times.append(1)
        if len(times) > 3:
            raise KeyboardInterrupt
        return np.eye(8, dtype=np.float32)[: len(images)]

    with monkeypatch.context() as patch:
        patch.setattr(Model, "embed_images", dies)
        with pytest.raises(KeyboardInterrupt):
            index_folder(made, folder, tmp_path / "index")
    done = index_folder(made, folder, tmp_path / "index")
    assert (done.kept, done.added) == (2, 4)
