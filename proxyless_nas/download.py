"""Download a file over HTTP into a place that is given, or say in a few words why it failed."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from proxyless_nas.progress import progress_bar

TIMEOUT_SECONDS = 20.0  # without a sign of life, not for the whole file
CHUNK_BYTES = 1 << 18


class Failed(Exception):
    """Why an address did not give what was wanted, without the address."""


def download(url: str, file: Path, progress: bool = True) -> None:
    """Write the body of `url` to `file`, under a bar; the proxies of the environment are used.

    Raises Failed when the server cannot be reached, does not have it, or sends fewer bytes than it
    announced. Errors of the disk are passed on.
    """
    with file.open("wb") as out:
        for chunk in _chunks(url, progress):
            out.write(chunk)


def _chunks(url: str, progress: bool) -> Iterator[bytes]:
    got = 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            announced = response.headers.get("Content-Length")
            total = int(announced) if announced else None
            name = url.rpartition("/")[2]
            with progress_bar((), name, total, unit="B", show=progress) as bar:
                while chunk := response.read1(CHUNK_BYTES):
                    got += len(chunk)
                    bar.update(len(chunk))
                    yield chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise Failed(f"HTTP {error.code}") from error
    except urllib.error.URLError as error:
        raise Failed(getattr(error.reason, "strerror", None) or str(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise Failed(f"broke off: {str(error) or type(error).__name__}") from error
    if total is not None and got != total:
        raise Failed(f"broke off after {got:,} of {total:,} bytes")
