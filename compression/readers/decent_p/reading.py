"""A configuration of Xilinx' pruner as the file of our four steps, with a note for each key."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from compression.importance import L1
from compression.pruning.choices import BySensitivity
from compression.pruning.config import Pruning
from compression.pruning.goals import AccuracyGoal, MacsGoal
from compression.readers.arguments import typed
from compression.readers.decent_p import darknet, prototxt
from compression.readers.decent_p.keys import LEFT_OUT, Caffe, Darknet, Exclude, Pruner, of_gpus
from compression.readers.distiller.names import Names
from compression.readers.reading import Note, Reading, Said
from compression.selectors import Where
from proxyless_nas.language.values import Items, Map, Place, refuse
from proxyless_nas.own import is_own
from proxyless_nas.subject import Subject, open_subject
from training.config import TrainConfig

SCORE = L1(tensors="first")
"""Sums of sizes in the first layer of a group: what Xilinx' pruners go by."""


def read(text: str, file: str, subject: Subject, learnt: int) -> Reading:
    """The file of the four steps for `subject`; epochs that are `learnt` do not matter to it.

    ValueError with FILE:LINE for an unknown key, a value that it cannot have, and a layer that the
    network does not have.
    """
    if darknet.claims(text):
        return _of_darknet(darknet.parse(text, file), Place(file, 1), subject)
    return _of_caffe(prototxt.parse(text, file), Place(file, 1), subject)


def _of_caffe(content: Map, top: Place, subject: Subject) -> Reading:
    given = typed(Caffe, content, top, "a configuration of decent_p")
    train = _train(subject)
    names = Names(subject)
    excluded = [(name, names.layer(name, at), at) for name, at in _excluded(content, top)]
    judged = None if given.test_iter is None else given.test_iter * train.val_batch_size
    share = round(1 - given.rate, 6)
    pruning = Pruning(
        out=given.workspace,
        train=train,
        goal=MacsGoal(share=share),
        choose=BySensitivity(),
        score=SCORE,
        where=Where(exclude=tuple(dict.fromkeys(ours for _, ours, _ in excluded))),
    )
    if judged is not None:
        pruning = replace(pruning, judged_on=judged)
    said: dict[str, Said] = {
        "workspace": ("translated", "`out`"),
        "rate": ("translated", f"`goal: {{of: macs, share: {share:g}}}` of what --arch does whole"),
        "pruner": (
            "differs",
            "`choose: {by: by-sensitivity}`, `score: {by: l1, tensors: first}`; the goal is met, "
            "there it is missed by up to a hundredth; widths are no multiples: `multiple: 2` asks",
        ),
    }
    if given.gpu is not None:
        said["gpu"] = of_gpus(given.gpu)
    if judged is not None:
        said["test_iter"] = (
            "differs",
            f"`judged_on: {judged}` training images set aside, {given.test_iter} batches of "
            f"{train.val_batch_size}; there images of the test phase, in batches of `model`",
        )
    notes = _notes(content, said)
    notes += [
        Note(at, f"exclude {name}", "translated", f"`where: {{exclude: {ours}}}`: its channels "
             "stay, and those that are summed with them") for name, ours, at in excluded
    ]  # fmt: skip
    return _reading(pruning, notes)


def _excluded(content: Map, top: Place) -> Iterator[tuple[str, Place]]:
    """Names of layers that keep their channels, each with its line."""
    if "pruner" not in content:
        return
    pruner = _block(content["pruner"], content.places["pruner"], ("pruner",))
    typed(Pruner, pruner, content.places["pruner"], "pruner")
    if "exclude" not in pruner:
        return
    exclude = pruner["exclude"]
    here = pruner.places["exclude"]
    each = exclude.lines() if isinstance(exclude, Items) else [(exclude, here)]
    for one, place in each:
        block = _block(one, place, ("pruner", "exclude"))
        typed(Exclude, block, place, "exclude")
        tops = block["layer_top"]
        yield from (
            tops.lines() if isinstance(tops, Items) else [(tops, block.places["layer_top"])]
        )


def _block(value: Any, place: Place, path: tuple[str, ...]) -> Map:
    if not isinstance(value, Map):
        refuse(place, path, "one block in braces")
    return value


def _of_darknet(content: Map, top: Place, subject: Subject) -> Reading:
    given = typed(Darknet, content, top, "[pruning]")
    pruning = Pruning(
        out=given.workspace,
        train=_train(subject),
        goal=AccuracyGoal(drop=given.threshold),
        score=SCORE,
        multiple=given.kernel_batch,
    )
    said: dict[str, Said] = {
        "workspace": ("translated", "`out`"),
        "threshold": (
            "differs",
            f"`goal: {{of: accuracy, drop: {given.threshold:g}}}` of top-1 for each group alone, "
            "there of mAP",
        ),
        "kernel_batch": ("translated", f"`multiple: {given.kernel_batch}`"),
        "criteria": ("differs", "`score: {by: l1, tensors: first}`, whatever its number"),
    }
    return _reading(pruning, _notes(content, said))


def _notes(content: Map, said: dict[str, Said]) -> list[Note]:
    return [
        Note(place, key, *said.get(key, ("cannot be", LEFT_OUT.get(key, ""))))
        for key, _, place in content.lines()
    ]


def _reading(pruning: Pruning, notes: list[Note]) -> Reading:
    order = sorted(notes, key=lambda note: note.place.line)
    return Reading(recipe=None, pruning=pruning, notes=tuple(order))


def _train(subject: Subject) -> TrainConfig:
    """The network, with the side and the classes that it was asked for, where it was."""
    usual = None if is_own(subject.source) else open_subject(subject.source)
    side, classes = subject.input.height, subject.classes
    return TrainConfig(
        arch=subject.source,
        resolution=None if usual is not None and usual.input.height == side else side,
        num_classes=None if usual is not None and usual.classes == classes else classes,
    )
