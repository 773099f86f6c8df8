"""A network by name or file, with other classes, and weights that begin where others ended."""

from pathlib import Path

import pytest
import torch

from proxyless_nas import Shape, hand_made
from proxyless_nas.subject import open_subject, start_from
from proxyless_nas.weights import save_tensors

LAST = ("classifier.linear.weight", "classifier.linear.bias")


def saved(folder: Path) -> Path:
    spec = hand_made("smoke")
    spec.save(str(folder / "spec.json"))
    save_tensors(folder / "weights.pt", spec.build(seed=5).state_dict())
    return folder / "spec.json"


def test_side_classes_and_dropout_are_what_was_asked_for_or_the_networks_own() -> None:
    own = open_subject("proxyless_gpu")
    assert (own.input, own.classes, own.name) == (Shape(3, 224, 224), 1000, "proxyless_gpu")
    other = open_subject("proxyless_gpu", side=64, classes=7, dropout=0.3)
    assert (other.input, other.classes, other.dropout) == (Shape(3, 64, 64), 7, 0.3)
    logits = other.build(0).eval()(torch.zeros(1, 3, 64, 64))
    assert logits.shape == (1, 7)


def test_torchvisions_networks_take_other_classes_and_dropout_where_they_have_it() -> None:
    few = open_subject("torchvision:squeezenet1_1", classes=3, dropout=0.1).build(0).eval()
    assert few(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(ValueError, match="resnet18 takes no --dropout"):
        open_subject("resnet18", dropout=0.1).build()


def test_with_the_same_classes_everything_is_taken(tmp_path: Path) -> None:
    source = saved(tmp_path)
    network = open_subject(str(source)).build(seed=6)
    assert start_from(network, str(source)) == ()
    expected = hand_made("smoke").build(seed=5).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_with_other_classes_all_but_the_classifier_is_taken(tmp_path: Path) -> None:
    source = saved(tmp_path)
    network = open_subject(str(source), classes=3).build(seed=6)
    fresh = {name: value.clone() for name, value in network.state_dict().items()}
    assert start_from(network, str(source)) == LAST
    expected = {**hand_made("smoke").build(seed=5).state_dict(), **{n: fresh[n] for n in LAST}}
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_weights_of_the_new_classes_are_taken_whole_and_others_refused(tmp_path: Path) -> None:
    source = saved(tmp_path)
    donor = open_subject(str(source), classes=3).build(seed=9)
    save_tensors(tmp_path / "three.pt", donor.state_dict())
    network = open_subject(str(source), classes=3).build(seed=6)
    assert start_from(network, str(source), str(tmp_path / "three.pt")) == ()
    assert torch.equal(network.state_dict()[LAST[0]], donor.state_dict()[LAST[0]])
    with pytest.raises(ValueError, match=r"three\.pt does not hold the weights"):
        start_from(
            open_subject(str(source), classes=4).build(), str(source), str(tmp_path / "three.pt")
        )
