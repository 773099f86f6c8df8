"""conda's environment.yml, pyproject.toml and the lock file describe the same environment."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def test_conda_installs_what_pip_installs() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in conda if isinstance(entry, dict)]
    assert sorted(pip) == sorted(WANTED)
    assert f"python{PROJECT['requires-python']}" in conda


def test_the_lock_pins_every_dependency_to_an_allowed_version() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    locked = {canonicalize_name(pin.name): next(iter(pin.specifier)) for pin in pins}
    assert all(version.operator == "==" for version in locked.values())
    for line in WANTED:
        wish = Requirement(line)
        assert locked[canonicalize_name(wish.name)].version in wish.specifier, line
