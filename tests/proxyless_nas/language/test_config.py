"""Laws of the language: what is merged, what is read later, and what a mistake looks like."""

from pathlib import Path

import pytest

from proxyless_nas.language import Config
from proxyless_nas.language.reading import parse_map
from proxyless_nas.notice import Notice


def read(text: str) -> Config:
    return Config().with_text(text, "net.yaml")


def test_arithmetic_is_computed_and_survives_writing_and_reading() -> None:
    """Acceptance 1."""
    config = read("three: !arith 1 + 2\nnet: {two: !arith $(three) - 1}")
    again = read(config.text())
    for each in (config, again):
        assert each.get("three") == 3 and each.get("net.two") == 2
    assert again.text() == config.text()


def test_dotted_keys_are_maps_within_maps_and_an_escaped_dot_is_a_dot() -> None:
    """Acceptance 2."""
    dotted, nested = read("a.b: {c: 1}\na.d.e: 2"), read("a: {b: {c: 1}, d: {e: 2}}")
    assert dotted.root == nested.root
    pattern = read(r"'conv\.weight': {from: 1}")
    assert pattern.root == {"conv.weight": {"from": 1}}
    assert pattern.get(r"conv\.weight.from") == 1
    assert read(pattern.text()).root == pattern.root


def test_references_hop_and_are_read_when_asked() -> None:
    """Acceptance 3."""
    config = read("b: $(c)\nc: $(d.e)\nd: {e: 5, f: $(.e), g: {h: $(..e)}}")
    assert config.get("b") == 5 and config.get("d.f") == 5 and config.get("d.g.h") == 5
    later = config.with_value("d.e=6")
    assert later.get("b") == 6 and later.get("d.g.h") == 6
    assert config.get("b") == 5


def test_a_reference_alone_is_the_object_and_within_a_text_its_words() -> None:
    """Acceptance 4."""
    config = read("map: {x: 1}\nlist: [1, 2]\nm: $(map)\nl: $(list)\nt: v$(l)_$(map.x)\nn: $(m.x)")
    assert config.get("m") == {"x": 1} and config.get("l") == [1, 2]
    assert config.get("t") == "v[1, 2]_1" and config.get("n") == 1
    with pytest.raises(ValueError, match=r"net.yaml:2: t: \$\(map\) is a map"):
        read("map: {x: 1}\nt: a$(map)").get("t")


def test_a_file_stands_on_those_it_imports_and_lists_are_replaced(tmp_path: Path) -> None:
    """Acceptance 5."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "one.yaml").write_text("a: 1\nmap: {x: 1, y: 1}\nlist: [1, 2, 3]")
    (tmp_path / "two.yaml").write_text("_import: below/one.yaml\na: 2\nmap.y: 2\nlist: [4]")
    (tmp_path / "three.yaml").write_text("_import: [two.yaml]\nb: 3")
    config = Config().with_file(tmp_path / "three.yaml")
    assert config.root == {"a": 2, "map": {"x": 1, "y": 2}, "list": [4], "b": 3}

    (tmp_path / "two.yaml").write_text("a: 1\n_import: three.yaml")
    with pytest.raises(ValueError, match=r"three.yaml:1: _import: .* is imported by"):
        Config().with_file(tmp_path / "three.yaml")
    (tmp_path / "two.yaml").write_text("a: 1\n_import: nothing.yaml")
    with pytest.raises(ValueError, match=r"two.yaml:2: _import: no file .*nothing.yaml"):
        Config().with_file(tmp_path / "three.yaml")


def test_what_comes_later_wins(tmp_path: Path) -> None:
    """Acceptance 6 and 7."""
    file = tmp_path / "file.yaml"
    file.write_text("x: 2")
    assert Config().with_value("x=1").with_file(file).get("x") == 2
    assert Config().with_file(file).with_value("x=1").get("x") == 1
    config = Config().with_value("a.b=key=value").with_value("c=[1, {d: null}]")
    assert config.get("a.b") == "key=value" and config.get("c") == [1, {"d": None}]
    with pytest.raises(ValueError, match="sets nothing"):
        Config().with_value("=3")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: !exec import os", r"net.yaml:2: b: the tag !exec .* no code is run"),
        ("b: !eval 1", r"net.yaml:1: b: the tag !eval"),
        ("b: !!python/object/apply:os.system [ls]", r"net.yaml:1: b: the tag python/object"),
        ("a:\n  b: $(c)", r"net.yaml:2: a.b: \$\(c\): there is no c"),
        ("alpha: 1\nb: $(alpa)", r"there is no alpa \(did you mean alpha\?\)"),
        ("a: $(b)\nb: [$(a)]", r"net.yaml:2: b.0: a reference that comes back to itself"),
        ("a: $(a.b)", r"net.yaml:1: a: a reference that comes back to itself: a -> a -> a.b"),
        ("a: {b: 1, c: [$(a)]}", r"net.yaml:1: a.c.0: a reference that comes back to itself"),
        ("a: {b: $(c.e), e: 1}\nc: $(a)", r"net.yaml:2: c: a reference that comes back to itself"),
        ("a: &x {b: *x}", r"net.yaml:1: a.b: an anchor that holds itself"),
        ("a: [1,\n", "net.yaml:2: no YAML"),
        ("on: 1", "net.yaml:1: the key on means true or false: quote it"),
        ("- 1", "net.yaml:1: not a map"),
        ("a: {<<: 3}", "net.yaml:1: a.<<: a map, or a list of maps"),
        ("a: !arith __import__('os')", r"net.yaml:1: a: !arith: no function __import__"),
        ("a: !arith (1).real", r"net.yaml:1: a: !arith: .* is not computed here"),
        ("a: !arith 9 ** 9 ** 9 ** 9", "net.yaml:1: a: !arith: a power that is too large"),
        ("a: !arith 1 / 0", "net.yaml:1: a: !arith: .* has no value: division by zero"),
        ("a: !arith 1 +", "net.yaml:1: a: !arith: .* is no expression"),
    ],
)
def test_a_mistake_names_its_line_and_key(text: str, complaint: str) -> None:
    """Acceptance 8."""
    with pytest.raises(ValueError, match=complaint):
        config = read(text)
        for key in config.root:
            config.get(key)


@pytest.mark.slow
def test_anchors_and_references_cannot_multiply_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ValueError, match=r"net.yaml:\d: .*anchors expand to more than"):
        read("\n".join(lines))
    lines = ["a0: [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: [{', '.join([f'$(a{n - 1})'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ValueError, match="references expand to more than"):
        read("\n".join(lines)).get("a8")
    with pytest.raises(ValueError, match="nested too deeply"):
        read("a: " + "[" * 5000 + "]" * 5000)


def test_a_key_that_stands_twice_is_noticed_and_the_later_one_counts() -> None:
    with pytest.warns(Notice, match="net.yaml:2: a stands there twice"):
        assert read("a: {x: 1}\na: {y: 2}").root == {"a": {"y": 2}}


def test_numbers_and_words_are_what_people_mean() -> None:
    config = read("a: 1e-4\nb: '1e-4'\nc: 2001-02-03\nd: ~\ne: yes\nf: 0x10")
    values = [config.get(key) for key in "abcdef"]
    assert values == [1e-4, "1e-4", "2001-02-03", None, True, 16]


def test_expressions_take_words_lists_and_conditions() -> None:
    config = read(
        'by: conv\na: !arith "wide if ^(by) == conv else narrow"\n'
        "b: !arith max(int(32 * 0.1), 8)\nc: !arith len([1, 2]) + 2 ^ 3 // 3\n"
        'd: !arith "[^(by), math.sqrt(16)]"\ne: !arith not true or -1 != 1'
    )
    assert config.get("a", {"by": "conv"}) == "wide"
    assert config.get("d", {"by": "conv"}) == ["conv", 4.0]
    assert [config.get(key) for key in "bce"] == [8, 4, True]


def test_a_dot_is_part_of_a_name_where_keys_are_not_dotted() -> None:
    text = "a.b: {c.d: 1}\n"
    assert parse_map(text, "file", dotted=False) == {"a.b": {"c.d": 1}}
    assert parse_map(text, "file") == {"a": {"b": {"c": {"d": 1}}}}
