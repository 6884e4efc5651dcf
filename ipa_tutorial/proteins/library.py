"""Where structures come from: some travel with the package, the others are downloaded once and kept."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

FOLDER = Path(__file__).parent.parent / "data" / "structures"
URL = "https://files.rcsb.org/download/{}.cif.gz"  # compressed, because gzip's checksum tells a broken download

# PDB id: the names that people use, the usual one first.
BUNDLED = {
    "1ubi": ("ubiquitin",),
    "3nir": ("crambin",),
    "3fil": ("GB1", "protein G"),
    "1hz6": ("protein L",),
    "1qys": ("Top7",),
    "4npd": ("protein A",),
    "1vii": ("villin", "villin headpiece", "HP36"),
    "5pti": ("BPTI",),
    "2vb1": ("lysozyme", "HEWL"),
    "1a6m": ("myoglobin",),
    "1r69": ("434 repressor",),
    "1ctf": ("L7/L12", "L7L12"),
    "5nw3": ("rubredoxin",),
    "6etl": ("RNase A", "ribonuclease A"),
}

T = TypeVar("T")


def find_bundled(name: str) -> tuple[str, Path] | None:
    """The usual name and the file of a bundled protein, by name or PDB id; None if there is none of this name."""
    for pdb_id, names in BUNDLED.items():
        if pdb_id == as_pdb_id(name) or _key(name) in map(_key, names):
            return names[0], min(FOLDER.glob(f"{pdb_id}.*"))
    return None


def bundled_names() -> str:
    """The bundled proteins as one line for people: ``ubiquitin (1ubi), crambin (3nir), …``."""
    return ", ".join(f"{names[0]} ({pdb_id})" for pdb_id, names in BUNDLED.items())


def as_pdb_id(name: str) -> str | None:
    """``"1UBI"`` and ``"pdb_00001ubi"`` → ``"1ubi"``; None for what cannot be the id of an entry."""
    match = re.fullmatch(r"(?:pdb0000)?([1-9][a-z0-9]{3})", _key(name))
    return match[1] if match else None


def read_entry(pdb_id: str, parse: Callable[[bytes, str], T]) -> T:
    """Read an entry of the Protein Data Bank from the cache folder, or download it and keep it there.

    Args:
        pdb_id: four characters.
        parse: turns the bytes of a ``.cif.gz`` (and a name for messages) into the result, or raises. A download is kept
            only after it was parsed, and under its final name only when it is whole.

    Raises:
        ValueError: there is no such entry (and whatever ``parse`` raises).
        ConnectionError: the Protein Data Bank could not be reached, or the connection broke.
    """
    path = cache_folder() / f"{pdb_id}.cif.gz"
    if path.is_file():
        return parse(path.read_bytes(), str(path))
    data = _download(pdb_id)
    parsed = parse(data, f"the download of {pdb_id!r} (nothing of it was kept)")
    _keep(data, path)
    return parsed


def cache_folder() -> Path:
    """``$IPA_TUTORIAL_CACHE``, or a folder of ours where this system keeps a user's caches."""
    if chosen := os.environ.get("IPA_TUTORIAL_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        default = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        default = "~/Library/Caches"
    else:
        default = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(default)) / "ipa_tutorial"


def _download(pdb_id: str) -> bytes:
    try:
        with urlopen(URL.format(pdb_id.upper()), timeout=30) as response:
            return response.read()
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError) and error.code in (404, 410):
            raise ValueError(
                f"the Protein Data Bank has no entry {pdb_id!r}. Bundled proteins: {bundled_names()}"
            ) from None
        raise ConnectionError(
            f"could not download {pdb_id!r} from the Protein Data Bank ({getattr(error, 'reason', error)}). "
            f"Without network, load a file of your own or a bundled protein: {bundled_names()}"
        ) from None


def _keep(data: bytes, path: Path) -> None:
    """Write it elsewhere first: a file in its final place is always whole. Doing without a cache is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as workshop:
            part = Path(workshop) / path.name
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        warnings.warn(f"could not keep {path.name} for the next time: {error}", stacklevel=2)


def _key(name: str) -> str:
    """Case, spaces, hyphens and underscores do not matter."""
    return re.sub(r"[\s_-]", "", name).casefold()
