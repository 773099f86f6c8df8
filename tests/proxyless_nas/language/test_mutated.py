"""Property: whatever is done to a file, it is read, or refused with its line and key."""

import re
import warnings
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxyless_nas.described.network import LIBRARY, describe
from proxyless_nas.language import Config
from proxyless_nas.notice import Notice
from tests.broken_yaml import Change, changed, changes, node_at

TINY = """
dataset.task: {num_classes: 10, preprocess.shape: {height: 8, width: 8, channels: 1}}
model:
  name: tiny
  layers:
    _c: &c {type: convolution, kernel_size: 3, padding: same}
    block: &block
      type: module
      kwargs: {width: null, step: 1, skip: identity}
      layers:
        main: {<<: *c, num_outputs: ^(width), stride: ^(step)}
        identity_skip: {type: identity}
        conv_skip: {<<: *c, kernel_size: 1, num_outputs: !arith ^(width) * 1, stride: ^(step)}
        sum: {type: add}
      graph:
        - {from: input, with: main, to: a}
        - {from: input, with: ^(skip)_skip, to: b}
        - {from: [a, b], with: sum, to: output}
    stem: {<<: *c, num_outputs: 16}
    b1: {<<: *block, width: 16}
    b2: {<<: *block, width: 32, step: 2, skip: conv}
    gap: {type: average_pool, kernel_size: global}
    flat: {type: flatten}
    logits: {type: fully_connected, num_outputs: $(dataset.task.num_classes), activation_fn: null}
  graph: {from: input, with: [stem, b1, b2, gap, flat, logits], to: output}
"""
WORDS = sorted(set(re.findall(r"[\w.$^()*&<:-]+|[\[\]{},:]|\n *", TINY)))
ODD = ["!exec", "!eval", "!!python/name:os.system", "!arith", "0", "-1", "1e400", ".nan", "9" * 30,
       "[]", "{}", "null", "true", "$()", "$(..)", "^()", "\t", "\x00", "'", '"', "*c", "&c", "%",
       "é"]  # fmt: skip
FILES = [TINY, *((LIBRARY / "models" / f"{name}.yaml").read_text()
                 for name in ("lenet5", "lenet5_res", "cifarnet"))]  # fmt: skip
TOLD = r"net\.yaml:\d+: (no YAML: |not a map|nested too deeply|a key is a word|\S.*?: )"
"""A line and a key, but where there is none: it is no YAML, or the key itself is wrong."""
CHAIN = "".join(f"a{n}: $(a{n + 1})\n" for n in range(600))
ROW = [f"l{n}" for n in range(1200)]
LONG = f"""
{TINY.splitlines()[1]}
model: {{layers: {{{", ".join(f"{name}: {{type: identity}}" for name in ROW)}}},
        graph: {{from: input, with: [{", ".join(ROW)}], to: output}}}}
"""
LOGITS = ("model", "layers", "logits")
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.sampled_from(["put", "cut", "swap"]),
        st.sampled_from(WORDS + ODD),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@given(st.sampled_from(FILES), CHANGES)
@example(FILES[-1], [(209, "swap", "logits")])
@settings(max_examples=400, deadline=None)
def test_a_mutated_file_is_read_or_refused(text: str, changes: list[tuple[int, str, str]]) -> None:
    tokens = re.findall(r"[\w.$^()*&<-]+|\s+|.", text, re.DOTALL)
    for place, change, piece in changes:
        at = place % len(tokens)
        tokens[at] = {"put": tokens[at] + piece, "cut": "", "swap": piece}[change]
    read_or_refused("".join(tokens))


@given(changes())
@example([(node_at(TINY, *LOGITS, "num_outputs"), "replace", "$(model.layers)")])
@example([(node_at(TINY, *LOGITS, "num_outputs"), "replace", "$(..logits)")])
@example([(node_at(TINY, *LOGITS, "num_outputs"), "replace", "$(model)")])
@example([(node_at(TINY, "model", "layers", "flat", "type"), "replace", "[flatten]")])
@example([(node_at(TINY, "model", "layers", "flat", "type"), "replace", "{}")])
@example([(node_at(TINY, "model", "name"), "replace", r'"\uD800"')])
@example([(node_at(TINY, "dataset.task", "preprocess.shape", "channels"), "delete", "")])
@example([(node_at(TINY, "dataset.task"), "delete", "")])
@example([(node_at(TINY, "model"), "delete", "")])
@settings(max_examples=60, deadline=None)
def test_a_file_with_other_values_is_read_or_refused(done: list[Change]) -> None:
    read_or_refused(changed(TINY, done))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "net.yaml:1: model: no network is described"),
        (f"{TINY}\nlong.{'a.' * 200}b: 1", "net.yaml:27: nested too deeply"),
        (TINY.replace(", channels: 1", ""), "net.yaml:2: dataset.task.preprocess.shape.channels: "
         "is missing"),
        (TINY.replace("num_classes: 10, ", ""), "net.yaml:2: dataset.task.num_classes: is missing"),
        ("model: {layers: {}, graph: []}", "net.yaml:1: dataset.task.num_classes: is missing"),
        (TINY.replace("10", "$(a0)") + CHAIN, "net.yaml:2: dataset.task.num_classes: nested too "
         "deeply"),
        (LONG, "net.yaml:4: model.graph: too many steps in a row lead to output"),
        (TINY.replace("type: flatten", "type: [flatten]"), "net.yaml:23: model.layers.flat.type: "
         "no kind of layer"),
        (TINY.replace("$(dataset.task.num_classes)", "$(model.layers)"), "net.yaml:24: "
         "model.layers.logits.num_outputs: a reference that comes back to itself"),
    ],
)  # fmt: skip
def test_what_is_missing_or_leads_to_itself_has_a_line(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        describe(Config().with_text(text, "net.yaml"))


def read_or_refused(text: str) -> None:
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always", Notice)
        try:
            describe(Config().with_text(text, "net.yaml"))
        except ValueError as error:
            assert re.match(TOLD, str(error)), error
            assert "Traceback" not in str(error)
    for odd in noticed:
        assert re.match(r"net\.yaml:\d+: ", str(odd.message)), odd.message


def test_code_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for tag in (f"!exec open({str(trace)!r}, 'w')", f"!arith open({str(trace)!r}, 'w')",
                f"!!python/object/apply:os.mknod [{trace}]"):  # fmt: skip
        try:
            config = Config().with_text(f"a: {tag}")
            config.get("a")
        except ValueError:
            pass
    assert not trace.exists()
