"""Published networks have the published numbers."""

import pytest

from proxyless_nas import load_spec
from proxyless_nas.published import PUBLISHED, is_published, published_spec

EXACT = {  # parameters, MACs
    "proxyless_cpu": (4_361_648, 439_243_864),
    "proxyless_gpu": (7_119_848, 465_260_160),
    "proxyless_mobile": (4_080_512, 320_427_584),
    "proxyless_mobile_14": (6_857_568, 580_883_408),
    "proxyless_cifar": (5_731_530, 1_213_155_872),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "resnet20_cifar": (272_474, 40_813_184),
}


@pytest.mark.parametrize(("name", "numbers"), EXACT.items())
def test_parameters_and_macs_are_the_published_ones(name: str, numbers: tuple[int, int]) -> None:
    spec = published_spec(name)
    assert (spec.parameters, spec.macs) == numbers
    assert spec.name == name


def test_a_width_scales_a_family() -> None:
    half = published_spec("mobilenet_v2-w0.5")
    assert half.name == "mobilenet_v2-w0.5"
    assert half.parameters == 1_968_680
    assert published_spec("mobilenet_v2-w1.0") == published_spec("mobilenet_v2")


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean proxyless_cpu"):
        published_spec("proxyless_cpus")
    assert not is_published("proxyless_cpus") and not is_published("proxyless_cpu-w0.5")
    assert all(map(is_published, PUBLISHED))


def test_load_spec_knows_published_names_and_says_so() -> None:
    assert load_spec("proxyless_gpu") == published_spec("proxyless_gpu")
    with pytest.raises(FileNotFoundError, match="did you mean resnet20_cifar"):
        load_spec("resnet20_cifra")
