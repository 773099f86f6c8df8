"""Have a Debian package's files without root: fetch it, unpack it, install nothing."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from training.datasets.tools import run_tool

UPDATE_SECONDS, DOWNLOAD_SECONDS, UNPACK_SECONDS = 120.0, 300.0, 60.0


def unpack_package(package: str, target: Path) -> None:
    """Download `package` with apt-get and unpack its tree below `target`.

    Package lists and downloads go to a private temporary folder; the system's are neither used
    nor touched. Raises OSError with one line when anything is missing, fails, or takes too long.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise FileNotFoundError(f"no {tool} on this machine")
    with TemporaryDirectory(prefix="proxyless-apt-") as private:
        folder = Path(private)
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        apt = ["apt-get", "-q", *_private_options(folder)]
        run_tool([*apt, "update"], folder, UPDATE_SECONDS)
        run_tool([*apt, "download", package], folder, DOWNLOAD_SECONDS)
        archives = list(folder.glob(f"{package}_*.deb"))
        if len(archives) != 1:
            raise FileNotFoundError(f"apt-get download {package} left {len(archives)} packages")
        target.mkdir(parents=True, exist_ok=True)
        run_tool(["dpkg-deb", "-x", str(archives[0]), str(target)], folder, UNPACK_SECONDS)


def _private_options(folder: Path) -> list[str]:
    settings = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": 1,
        "Acquire::http::Timeout": 20,
        "Acquire::https::Timeout": 20,
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
