"""What `KIND:NAME,option=value` means, and what is refused."""

import pytest

from twinnet.core.errors import ConfigError
from twinnet.encoders import ENCODERS, EncoderSpec
from twinnet.encoders.adapters import is_adapter
from twinnet.encoders.adapters.recipe import Backbone
from twinnet.encoders.adapters.request import SCALES, parse


def test_options_behind_the_name_are_read_and_the_name_keeps_its_own_commas_and_colons() -> None:
    found = parse("onnx:C:/my, faces/a=b.onnx,scale=arcface,order=bgr,size=112,output=/fc/out:0")
    assert found.name == "C:/my, faces/a=b.onnx"
    assert (found.order, found.size, found.output) == ("bgr", 112, "/fc/out:0")


@pytest.mark.parametrize(("name", "pixel", "entered"), [
    ("arcface", 255, 127.5 / 128), ("arcface", 0, -127.5 / 128), ("half", 255, 1.0), ("unit", 255, 1.0),
    ("raw", 200, 200.0), ("imagenet", 123.675, 0.0),
])  # fmt: skip
def test_a_scale_turns_a_red_pixel_into_what_the_network_was_trained_on(
    name: str, pixel: float, entered: float
) -> None:
    scaling = parse(f"onnx:x,scale={name}").scaling(3)
    assert scaling is not None
    mean, std = scaling
    assert (pixel / 255 - mean[0]) / std[0] == pytest.approx(entered, abs=1e-9)


def test_mean_and_std_are_given_in_units_of_the_pixel() -> None:
    scaling = parse("onnx:x,mean=123:117:104,std=1").scaling(3)
    assert scaling is not None
    assert (1 - scaling[0][2]) / scaling[1][2] == pytest.approx(255 - 104)
    assert parse("onnx:x").scaling(3) is None


@pytest.mark.parametrize(("text", "says"), [
    ("onnx:", "names no backbone"),
    ("onnx:a,colour=bgr", "option 'colour' is unknown. Known: scale"),
    ("onnx:a,scale=best", "Known: arcface"),
    ("onnx:a,scale=unit,std=2", "not both"),
    ("onnx:a,mean=1;2", "no number"),
    ("onnx:a,std=0", "above 0"),
    ("onnx:a,order=grb", "rgb or bgr"),
    ("onnx:a,size=-3", "side in pixels"),
])  # fmt: skip
def test_a_bad_option_is_named(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse(text)


def test_two_numbers_for_three_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 or 3 numbers, not 2"):
        parse("onnx:a,mean=1:2").scaling(3)


def test_our_own_names_are_no_adapters() -> None:
    assert not any(map(is_adapter, ENCODERS))
    assert all(map(is_adapter, ("timm:resnet18", "hf:a/b", "onnx:f.onnx")))
    assert not is_adapter("onnx")


def test_a_spec_of_our_own_encoder_is_saved_as_before_there_were_backbones() -> None:
    assert "backbone" not in EncoderSpec("compact").to_dict()


@pytest.mark.parametrize(("change", "says"), [
    ({"kind": "pickle"}, "kind 'pickle' is unknown"),
    ({"features": 0}, "features must be"),
    ({"order": "gbr"}, "order must be"),
    ({"code": "x"}, "unknown code"),
])  # fmt: skip
def test_a_recipe_that_cannot_be_is_refused(change: dict[str, object], says: str) -> None:
    good = Backbone("onnx", "a.onnx", 8).to_dict()
    assert Backbone.from_dict(good).to_dict() == good
    with pytest.raises(ConfigError, match=says):
        EncoderSpec("onnx:a.onnx", backbone={**good, **change})


def test_the_command_knows_the_encoders_that_there_are() -> None:
    from twinnet.cli import training

    only_for_described_pictures = {"shallow"}  # `twinnet retrieve train` chooses it
    assert {*training.ENCODERS} == {"auto", *ENCODERS} - only_for_described_pictures
    assert set(SCALES) == {"arcface", "half", "unit", "raw", "imagenet"}
