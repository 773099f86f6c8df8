"""The original's configs are read in every dialect and written back."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from proxyless_nas import Conv, MBConv, NetworkSpec, Residual, Separable, Shape, Skip, load_spec
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.published import published_spec
from proxyless_nas.upstream.write import original_config
from tests.proxyless_nas.upstream.dialects import DIALECTS, INVERTED, Config, everywhere
from tests.proxyless_nas.upstream.networks import EXPRESSIBLE, RICH, small
from tests.shared import shared

THREE = ("proxyless_cpu", "proxyless_gpu", "proxyless_mobile")


def loaded(config: Config, folder: Path, file: str = "small.config") -> NetworkSpec:
    (folder / file).write_text(json.dumps(config))
    return load_spec(str(folder / file))


@pytest.mark.parametrize("name", THREE)
def test_a_published_config_is_the_published_network_and_is_written_to_the_byte(
    name: str, tmp_path: Path
) -> None:
    text = shared(f"data/proxyless/{name}.config").read_bytes()
    (tmp_path / "net.txt").write_bytes(text)
    assert load_spec(str(tmp_path / "net.txt")) == published_spec(name)
    written = msgspec.json.encode(original_config(published_spec(name)))
    assert msgspec.json.format(written, indent=4) == text


def test_a_scaled_network_is_written_without_the_keys_that_say_nothing() -> None:
    def spoken(part: Config) -> Config:
        silent = {"mid_channels": None, "act_func": "relu6", "use_se": False, "ws_eps": None}
        if part.get("name", "bn") not in ("bn", *INVERTED):
            return part
        return {key: value for key, value in part.items() if (key, value) not in silent.items()}

    file = shared("data/proxyless/proxyless-w0.3-r176_imagenet.json")
    spec = load_spec(str(file))
    assert (spec.name, spec.input) == (file.stem, Shape(3, 176, 176))
    assert spec.parameters == 754_280
    assert original_config(spec) == everywhere(spoken, json.loads(file.read_text()))


@pytest.mark.parametrize("spec", EXPRESSIBLE.values(), ids=EXPRESSIBLE.keys())
def test_what_is_written_reads_back_equal(spec: NetworkSpec, tmp_path: Path) -> None:
    assert loaded(original_config(spec), tmp_path, f"{spec.name}.config") == spec


@pytest.mark.parametrize("spec", [RICH, EXPRESSIBLE["proxyless_gpu"]], ids=["rich", "published"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_says_the_same(dialect, spec: NetworkSpec, tmp_path: Path) -> None:
    plain = original_config(spec)
    spelled = everywhere(dialect, plain)
    assert json.dumps(spelled) != json.dumps(plain)
    assert loaded(spelled, tmp_path, f"{spec.name}.config") == spec


def test_a_shortcut_is_followed_and_never_inferred(tmp_path: Path) -> None:
    without = small(MBConv(8, None, 3), MBConv(8, 24, 3), MBConv(8, 24, 3, 1, True))
    assert loaded(original_config(without), tmp_path) == without


def test_a_config_without_resolution_is_for_224_pixels(tmp_path: Path) -> None:
    config = original_config(RICH)
    assert config.pop("resolution") == 40
    assert loaded(config, tmp_path).input == Shape(3, 224, 224)
    assert loaded({**config, "resolution": None}, tmp_path).input == Shape(3, 224, 224)


def test_our_own_description_may_carry_any_name_and_extension(tmp_path: Path) -> None:
    spec = replace(RICH, name="ProxylessNASNets")
    spec.save(str(tmp_path / "spec.config"))
    assert load_spec(str(tmp_path / "spec.config")) == spec


INNER = "blocks.1.mobile_inverted_conv"
WRONG = {  # the place and key to change, the value to write, what the error says
    "order": ("first_conv.ops_order", "bn_act_weight", 'first_conv.ops_order is "bn_act_weight"'),
    "dilation": ("first_conv.dilation", 2, "first_conv.dilation is 2; only 1"),
    "groups": ("feature_mix_layer.groups", 2, "feature_mix_layer.groups is 2"),
    "bias": ("first_conv.bias", True, "first_conv.bias is true"),
    "shuffle": ("first_conv.has_shuffle", True, "first_conv.has_shuffle"),
    "no norm": ("first_conv.use_bn", False, "first_conv.use_bn is false"),
    "dropout in a conv": ("first_conv.dropout_rate", 0.1, "first_conv.dropout_rate"),
    "squeeze in a conv": ("first_conv.use_se", True, "first_conv.use_se"),
    "classifier bias": ("classifier.bias", False, "classifier.bias is false"),
    "classifier act": ("classifier.act_func", "relu", "classifier.act_func"),
    "standardised weights": ("bn.ws_eps", 1e-5, "bn.ws_eps is 0.00001; only null"),
    "group norm": ("bn.gn_channel_per_group", 8, "bn.gn_channel_per_group is 8"),
    "no momentum": ("bn.momentum", None, "bn.momentum is null"),
    "activation": (f"{INNER}.act_func", "swish", f"{INNER}.act_func is "),
    "no activation": (f"{INNER}.act_func", None, f"{INNER}.act_func is null"),
    "inner groups": (f"{INNER}.groups", 4, f"{INNER}.groups is 4"),
    "shrinking": (f"{INNER}.expand_ratio", 0.5, f"{INNER}.expand_ratio is 0.5: .*mid_channels"),
    "unused width": (
        "blocks.0.mobile_inverted_conv.mid_channels",
        24,
        "is 24 without",
    ),
    "input": (f"{INNER}.in_channels", 24, f"{INNER}.in_channels is 24; .* has 16 channels"),
    "shortcut": ("blocks.1.shortcut.out_channels", 24, "blocks.1.shortcut.out_channels is 24"),
    "shortcut norm": ("blocks.1.shortcut.use_bn", True, "blocks.1.shortcut.use_bn"),
    "features": ("classifier.in_features", 99, "classifier.in_features is 99; .* has 24"),
    "misfit": (f"{INNER}.stride", 2, "small, blocks.1: .*shapes differ"),
    "even kernel": (f"{INNER}.kernel_size", 4, "small, blocks.1: .*kernel 4"),
    "zero stride": ("blocks.2.mobile_inverted_conv.stride", 2, "an empty block has stride 1"),
    "no words": (f"{INNER}.stride", "two", f"Expected `int`, got `str` at {INNER}.stride"),
    "unknown key": (f"{INNER}.act_fun", "relu", f"`act_fun` .did you mean act_func.. at {INNER}"),
    "unknown top": ("resolutoin", 176, "`resolutoin` .did you mean resolution"),
    "unknown layer": (f"{INNER}.name", "DepthConvLayer", f"'DepthConvLayer' at {INNER}.name"),
    "two operations": (
        "blocks.1.conv",
        None,
        "blocks.1 needs one of .* and conv, not 2",
    ),
    "other class": ("name", "MobileNetV3", "class 'MobileNetV3'; .*ProxylessNASNets"),
    "no class": ("name", 3, "class None"),
}


@pytest.mark.parametrize(("place", "value", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_said_is_an_error_that_names_file_place_and_key(
    place: str, value: object, message: str, tmp_path: Path
) -> None:
    spec = small(MBConv(16, None, 5), MBConv(16, 48, 3, 1, True), Skip(), mix=Conv(24))
    config = original_config(spec)
    part, *keys = [config, *place.split(".")]
    for key in keys[:-1]:
        part = part[int(key)] if isinstance(part, list) else part[key]
    part[keys[-1]] = value
    with pytest.raises(ValueError, match=rf"small\.config.*{message}"):
        loaded(config, tmp_path)


def test_a_missing_key_is_an_error_that_names_it(tmp_path: Path) -> None:
    config = original_config(RICH)
    del config["blocks"][1]["mobile_inverted_conv"]["kernel_size"]
    with pytest.raises(ValueError, match=rf"`kernel_size` at {INNER}"):
        loaded(config, tmp_path)
    config["blocks"][1].pop("mobile_inverted_conv")
    with pytest.raises(ValueError, match=r"blocks\.1 needs one of"):
        loaded(config, tmp_path)


def test_a_shortcut_around_a_plain_convolution_is_refused(tmp_path: Path) -> None:
    config = original_config(small(Conv(8), MBConv(8, 16, 3, 1, True)))
    config["blocks"][0]["shortcut"] = config["blocks"][1]["shortcut"]
    with pytest.raises(ValueError, match=r"blocks\.0\.shortcut stands beside a ConvLayer"):
        loaded(config, tmp_path)


@pytest.mark.parametrize(
    ("block", "what"),
    [
        (Separable(16), "the block Separable"),
        (Residual(8, 8), "the block Residual"),
        (MBConv(16, 16, 3, squeeze=4), r"a squeeze to 4 channels \(only to 8\)"),
        (MBConv(16, 16, 3, activation="none"), "without activation"),
    ],
)
def test_what_the_original_cannot_say_is_an_error_that_names_the_block(
    block: AnyBlock, what: str
) -> None:
    with pytest.raises(ValueError, match=rf"network small, blocks\.1: .*{what}"):
        original_config(small(MBConv(8, None, 3), block))


def test_images_that_are_not_square_have_no_words() -> None:
    with pytest.raises(ValueError, match=r"network small, input: .*3x16x12"):
        original_config(replace(small(), input=Shape(3, 16, 12)))
