"""Image encoders of transformers, with small random weights saved into a folder: real library, no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from twinnet import Model, Preprocess, compare, load
from twinnet.core.errors import ConfigError, ModelFileError
from twinnet.encoders import EncoderSpec, adapt
from twinnet.encoders.adapters import Opened, hf_model, open_backbone

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
transformers = pytest.importorskip("transformers", reason="the extra `hf` is not installed")

_SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
CONFIGS: dict[str, Any] = {
    "vit": lambda: transformers.ViTConfig(**_SIZES, image_size=32, patch_size=8),
    "dinov2": lambda: transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    ),
    "clip": lambda: transformers.CLIPVisionConfig(**_SIZES, image_size=32, patch_size=8),
    "convnext": lambda: transformers.ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2),
    "resnet": lambda: transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic"
    ),
}


def folder(path: Path, kind: str, **pictures: Any) -> Path:
    torch.manual_seed(0)
    transformers.AutoModel.from_config(CONFIGS[kind]()).save_pretrained(path)
    written = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "size": {"height": 32, "width": 32}}
    (path / "preprocessor_config.json").write_text(json.dumps({**written, **pictures}))
    return path


def model_of(found: Opened) -> Model:
    spec = EncoderSpec(found.recipe.label, 3, 6, backbone=found.recipe.to_dict())
    torch.manual_seed(1)
    i = found.inputs
    preprocess = Preprocess(i.height, i.width, i.channels, mean=i.mean, std=i.std)
    return Model(adapt(spec, found.trunk).eval(), compare.build("cosine", 6), preprocess, None, {}, spec)


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_a_folder_becomes_an_encoder_whose_file_needs_it_no_more(kind: str, tmp_path: Path) -> None:
    found = open_backbone(f"hf:{folder(tmp_path / 'net', kind)}")
    model = model_of(found)
    model.save(tmp_path / "m.twin")
    (tmp_path / "net").rename(tmp_path / "gone")
    again = load(tmp_path / "m.twin")
    pictures = list(np.random.default_rng(2).integers(0, 256, (3, 40, 30, 3), dtype=np.uint8))
    np.testing.assert_array_equal(again.embed(pictures), model.embed(pictures))
    assert again.fingerprint == model.fingerprint
    assert str(tmp_path).encode() not in (tmp_path / "m.twin").read_bytes()


def test_features_are_the_pooled_output_of_transformers_on_its_own_scale(tmp_path: Path) -> None:
    path = folder(tmp_path, "dinov2")
    found = open_backbone(f"hf:{path}")
    picture = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    scaled = (picture / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.2, 0.3, 0.4])
    x = torch.from_numpy(scaled.astype(np.float32)).permute(2, 0, 1)[None]
    net = transformers.AutoModel.from_pretrained(path, local_files_only=True).eval()
    with torch.inference_mode():
        expected = net(pixel_values=x).pooler_output
        model = model_of(found)
        seen = torch.from_numpy(model.preprocess.normalise(picture[None]))
        torch.testing.assert_close(model.encoder.features(seen), expected)  # type: ignore[operator]


def test_a_frozen_one_keeps_its_weights_and_a_fine_tuned_one_learns_slowly(tmp_path: Path) -> None:
    path = folder(tmp_path, "resnet")
    frozen = model_of(open_backbone(f"hf:{path}")).encoder.train()
    before = {k: v.clone() for k, v in frozen.trunk.state_dict().items()}  # type: ignore[union-attr,operator]
    frozen(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in frozen.trunk.state_dict().items())  # type: ignore[union-attr,operator]
    assert not [name for name, p in frozen.named_parameters() if p.grad is not None and name.startswith("trunk")]
    tuned = model_of(open_backbone(f"hf:{path}", fine_tune=True)).encoder.train()
    tuned(torch.rand(4, 3, 32, 32)).sum().backward()
    assert [name for name, p in tuned.named_parameters() if p.grad is not None and name.startswith("trunk")]


def test_a_pooling_layer_that_was_never_trained_is_not_used(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = CONFIGS["vit"]()
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    one, other = (open_backbone(f"hf:{tmp_path},scale=half") for _ in range(2))
    assert one.recipe.config["pool"] == "first"
    # What the file lacks is drawn, and must be drawn alike: the same file is the same model.
    assert model_of(one).fingerprint == model_of(other).fingerprint


def test_what_is_not_here_is_not_fetched_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    def never(*_: object, **__: object) -> None:
        pytest.fail("a network was asked")

    monkeypatch.setattr("socket.create_connection", never)
    monkeypatch.setattr("socket.getaddrinfo", never)
    with pytest.raises(ConfigError, match="is not on this machine, and nothing is fetched unasked.*--download"):
        open_backbone("hf:somebody/something-that-is-not-here")


def test_a_scale_that_nobody_says_is_asked_for(tmp_path: Path) -> None:
    (folder(tmp_path, "vit") / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"no preprocessor_config\.json.*scale=imagenet"):
        open_backbone(f"hf:{tmp_path}")
    assert open_backbone(f"hf:{tmp_path},scale=imagenet").inputs.height == 32


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    path = folder(tmp_path, "vit")
    weights = transformers.AutoModel.from_pretrained(path).state_dict()
    (path / "model.safetensors").unlink()
    torch.save(weights, path / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="model.safetensors"):
        open_backbone(f"hf:{path}")


def test_a_network_that_is_no_image_encoder_is_refused(tmp_path: Path) -> None:
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="'bert' is no image encoder known here"):
        open_backbone(f"hf:{tmp_path}")


def test_a_saved_config_cannot_name_code_or_kernels() -> None:
    asked = {
        "model_type": "vit", "auto_map": {"AutoModel": "evil.py"}, "_attn_implementation": "hub/kernel",
        "attn_implementation": "hub/kernel", "vision": {"_attn_implementation_internal": "x", "depth": 2},
    }  # fmt: skip
    assert hf_model.plain_config(asked) == {"model_type": "vit", "vision": {"depth": 2}}


def test_a_model_file_with_a_config_of_another_kind_is_refused(tmp_path: Path) -> None:
    found = open_backbone(f"hf:{folder(tmp_path / 'net', 'vit')}")
    model = model_of(found)
    assert model.spec.backbone is not None
    model.spec.backbone["config"]["model"]["model_type"] = "timm_wrapper"
    from twinnet.model import file

    file.write(tmp_path / "m.twin", model._manifest(), model._tensors())
    with pytest.raises(ModelFileError, match="'timm_wrapper' is no image encoder"):
        load(tmp_path / "m.twin")
