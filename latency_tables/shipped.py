"""The tables that come with the package: measured by us, found by their names."""

from pathlib import Path

TABLES = Path(__file__).parent / "tables"


def shipped_tables() -> dict[str, Path]:
    """Every shipped table by name, such as imagenet-mobile-epyc-zen4-onnxruntime-float32."""
    return {path.stem: path for path in sorted(TABLES.glob("*.json"))}


def table_file(name: str | Path) -> Path:
    """The file of that path, or else the shipped table of that name, or else the path again."""
    path = Path(name)
    return path if path.exists() else shipped_tables().get(str(name), path)
