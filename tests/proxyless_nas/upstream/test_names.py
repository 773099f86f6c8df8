"""Names of tensors translate one to one, both ways."""

import re

import pytest

from proxyless_nas import Classifier, Conv, NetworkSpec, Residual, Shape
from proxyless_nas.published import PUBLISHED, published_spec
from proxyless_nas.torchvision_door import torchvision
from proxyless_nas.upstream.names import (
    NAMINGS,
    original_key,
    original_names,
    resnet_names,
    torchvision_names,
)
from proxyless_nas.upstream.save import original_state
from tests.proxyless_nas.upstream.networks import EXPRESSIBLE, RICH

SPECS = {**EXPRESSIBLE, **{name: published_spec(name) for name in PUBLISHED}}
COUNTS = {"proxyless_cpu": 368, "proxyless_gpu": 260, "proxyless_mobile": 368}
COUNTS |= {"proxyless_mobile_14": 368}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_a_naming_names_every_module_with_tensors_and_no_two_alike(spec: NetworkSpec) -> None:
    holders = {name.rpartition(".")[0] for name in spec.build().state_dict()}
    for naming in NAMINGS:
        names = naming.modules(spec)
        if names is not None:
            assert names.keys() == holders
            assert len(set(names.values())) == len(names)
            assert all(
                naming.spelling(f"{name}.weight") == f"{name}.weight" for name in names.values()
            )


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_the_original_layout_has_as_many_tensors_as_the_original(name: str, count: int) -> None:
    state = original_state(published_spec(name).build())
    assert len(state) == count
    assert [key.split(".")[0] for key in state] == sorted(
        (key.split(".")[0] for key in state),
        key=["first_conv", "blocks", "feature_mix_layer", "classifier"].index,
    )


def test_the_original_names_are_those_of_its_modules() -> None:
    names = original_names(RICH)
    assert names is not None
    inner = "blocks.5.mobile_inverted_conv"
    assert names["stem.bn"] == "first_conv.bn"
    assert names["blocks.5.expand.conv"] == f"{inner}.inverted_bottleneck.conv"
    assert names["blocks.5.squeeze.expand"] == f"{inner}.depth_conv.se.fc.expand"
    assert names["blocks.7.bn"] == "blocks.7.mobile_inverted_conv.bn"
    assert names["classifier.linear"] == "classifier.linear"


def test_spellings_of_the_newer_once_for_all_lead_back() -> None:
    keys = original_state(RICH.build()).keys()
    later = {key: key.replace(".mobile_inverted_conv.", ".conv.") for key in keys}
    elastic = {key: re.sub(r"\.(conv|bn|linear)(\.\w+)$", r".\1.\1\2", later[key]) for key in keys}
    assert later["blocks.7.mobile_inverted_conv.conv.weight"] == "blocks.7.conv.conv.weight"
    assert elastic["classifier.linear.weight"] == "classifier.linear.linear.weight"
    for key in keys:
        assert original_key(later[key]) == original_key(elastic[key]) == key


def test_names_and_shapes_are_those_of_torchvision() -> None:
    stages = ((64, 1), (128, 2), (256, 2), (512, 2))
    resnet18 = NetworkSpec(
        "resnet18",
        Shape(3, 224, 224),
        Conv(64, 7, 2, "relu"),
        tuple(
            Residual(width, width, 3, step, projected=step == 2)
            for width, stride in stages
            for step in (stride, 1)
        ),
        None,
        Classifier(1000),
    )
    theirs = torchvision.models.resnet18().state_dict()
    assert_same_shapes(resnet18, resnet_names(resnet18), theirs)
    for width in (0.35, 1.0):
        spec = published_spec(f"mobilenet_v2-w{width}")
        theirs = torchvision.models.mobilenet_v2(width_mult=width).state_dict()
        assert_same_shapes(spec, torchvision_names(spec), theirs)


def assert_same_shapes(spec: NetworkSpec, names: dict[str, str] | None, theirs: dict) -> None:
    assert names is not None
    shapes = {}
    for key, tensor in spec.build().state_dict().items():
        module, _, name = key.rpartition(".")
        shapes[f"{names[module]}.{name}"] = tensor.shape
    assert shapes == {key: tensor.shape for key, tensor in theirs.items()}
