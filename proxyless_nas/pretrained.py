"""Published weights: downloaded once, checked, kept in the folder where the original keeps them."""

import contextlib
import hashlib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from proxyless_nas.download import Failed, download
from proxyless_nas.files import replacing, write_bytes
from proxyless_nas.network import Network
from proxyless_nas.weights import load_weights

HOSTS = (
    "https://raw.githubusercontent.com/han-cai/files/master/proxylessnas/",
    "https://github.com/han-cai/files/raw/master/proxylessnas/",
    "https://hanlab.mit.edu/files/proxylessNAS/",
)
STALE_SECONDS = 3600.0


class Weights(Struct, frozen=True):
    """A weights file: its name behind every one of `hosts`, its sha256 where somebody knows it."""

    file: str
    sha256: str | None = None
    hosts: tuple[str, ...] = HOSTS


# Every name here is a function in `zoo.ZOO` and in hubconf.py. The authors published no hashes:
# whoever has a file can write what sha256sum says behind its name.
PRETRAINED = {
    "proxyless_cpu": Weights("proxyless_cpu.pth"),
    "proxyless_gpu": Weights("proxyless_gpu.pth"),
    "proxyless_mobile": Weights("proxyless_mobile.pth"),
    "proxyless_mobile_14": Weights("proxyless_mobile_14.pth"),
    "proxyless_cifar": Weights("proxyless_cifar.pth"),
}


class Expected(Struct, frozen=True):
    """The sha256 that a file must have, if one is known, and what to do where it differs."""

    sha256: str | None
    cure: str

    def check(self, file: Path) -> str:
        """The file's sha256; Failed where it is another than the expected one."""
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if self.sha256 not in (None, found):
            raise Failed(f"sha256 is {found[:12]}..., expected {self.sha256[:12]}...{self.cure}")
        return found


def cache_folder() -> Path:
    """`$TORCH_HOME/proxyless_nas`, or `~/.torch/proxyless_nas`: the place of the original code."""
    return Path(os.environ.get("TORCH_HOME") or "~/.torch").expanduser() / "proxyless_nas"


def load_pretrained(network: Network, weights: Weights, progress: bool = True) -> None:
    """Fill `network` from the file in the cache, which is downloaded when it is not there.

    A download enters the cache only when it is complete, has the right sha256 and fills the network
    strictly; otherwise the next host is tried and nothing stays behind. A file that somebody put
    there is held to the same, and never removed. Where no sha256 is published, that of the first
    file that fits is kept beside it (`FILE.sha256`) and another file is refused from then on.

    Raises OSError when no host gives the file, and ValueError, with the cure, when the file in the
    cache is damaged, another network's, or another one than before.
    """
    file = cache_folder() / weights.file
    note = file.with_name(f"{file.name}.sha256")
    expected = _expected(weights, note)
    if file.exists():
        try:
            found = expected.check(file)
            load_weights(network, file)
        except Failed as error:
            raise ValueError(f"{file}: {error}\n{_delete(file)}") from error
        except ValueError as error:
            raise ValueError(f"{error}\n{_delete(file)}") from error
    else:
        found = _download_first_good(network, weights, expected, file, progress)
    if expected.sha256 is None:
        write_bytes(note, f"{found}  {file.name}\n".encode())  # as sha256sum writes and checks it


def _expected(weights: Weights, note: Path) -> Expected:
    if weights.sha256 is not None:
        return Expected(weights.sha256, "")
    words = note.read_text(errors="replace").split() if note.is_file() else []
    if not words:
        return Expected(None, "")
    return Expected(words[0], f" as before (if the change is meant, delete {note})")


def _delete(file: Path) -> str:
    return f"delete {file.name} to download it again, or put a good one in its place"


def _download_first_good(
    network: Network, weights: Weights, expected: Expected, file: Path, progress: bool
) -> str:
    """Try host by host; the sha256 of what then is in the cache and in the network."""
    _remove_leftovers(file)
    reasons: dict[str, list[str]] = {}
    for host in weights.hosts:
        try:
            with replacing(file) as temporary:
                download(host + weights.file, temporary, progress)
                found = expected.check(temporary)
                _fill(network, temporary)
            return found
        except Failed as error:
            reasons.setdefault(str(error), []).append(urlsplit(host).netloc)
    tried = "; ".join(f"{', '.join(hosts)}: {reason}" for reason, hosts in reasons.items())
    raise OSError(
        f"cannot download {file.name} ({tried})\n"
        f"get it in another way, put it into {file.parent} and try again"
    )


def _fill(network: Network, temporary: Path) -> None:
    try:
        load_weights(network, temporary)
    except ValueError as error:
        raise Failed(str(error).replace(str(temporary), "what it sends")) from error


def _remove_leftovers(file: Path) -> None:
    """Drop what a killed process left of this file; a running download is never that old."""
    for left in file.parent.glob(f".{file.name}.*"):
        with contextlib.suppress(FileNotFoundError):  # another process may have finished with it
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
