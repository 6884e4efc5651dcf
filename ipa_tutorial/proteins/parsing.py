"""From the bytes of a PDB or mmCIF file to gemmi's structure, and a clear word when the file is broken."""

from __future__ import annotations

import gzip
import math
import re
import zlib

import gemmi


def parse_structure(data: bytes, where: str) -> gemmi.Structure:
    """Read PDB or mmCIF, gzipped or not: the content tells, not the name.

    Raises:
        ValueError: nothing that could be a structure, or a damaged one; the message names it by ``where``.
    """
    text = _decode(data, where)
    lines = text.split("\n")
    first = next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")
    kind = "mmCIF" if first.lower().startswith("data_") else "PDB"
    if kind == "PDB":
        _check_pdb_lines(lines, where)
    try:
        structure = gemmi.read_pdb_string(text) if kind == "PDB" else _read_mmcif(text)
    except (RuntimeError, ValueError) as error:
        reason = str(error).split("\n")[0].removeprefix("string:")
        raise ValueError(f"{where} is damaged or not in {kind} format: {reason}") from None
    if not any(len(residue) for model in structure for chain in model for residue in chain):
        looks = "is empty" if not first else "is a web page" if first.startswith("<") else "has no atoms"
        raise ValueError(f"no protein in {where}: it {looks}")
    structure.merge_chain_parts()  # a chain may come in two pieces, with others between them
    return structure


def _decode(data: bytes, where: str) -> str:
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ValueError(f"{where} is a truncated or damaged gzip file") from None
    if b"\0" in data:
        raise ValueError(f"no protein in {where}: it is a binary file, expected PDB or mmCIF text")
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _read_mmcif(text: str) -> gemmi.Structure:
    return gemmi.make_structure_from_block(gemmi.cif.read_string(text)[0])


def _check_pdb_lines(lines: list[str], where: str) -> None:
    """Refuse what the parser would read as some other number: it takes ``********`` for 0, for one."""
    records = ("ATOM", "HETATM")
    atoms = [(number, line) for number, line in enumerate(lines, 1) if line[:6].upper().startswith(records)]
    for number, line in atoms:
        coordinates = line[30:38], line[38:46], line[46:54]
        if len(line) < 54 or not _is_residue_number(line[22:26]) or not all(map(_is_finite, coordinates)):
            raise ValueError(
                f"{where} is damaged: no residue number or coordinates in line {number}: {line.rstrip()!r}"
            )
    end = lines[-1]  # empty if the last line was ended properly
    others = [len(line) for number, line in atoms if number != len(lines)]
    is_atom = end and any(record.startswith(end[:6]) for record in ("ATOM  ", "HETATM", "ANISOU"))
    if is_atom and others and len(end) < min(others):
        raise ValueError(f"{where} is truncated: it ends in the middle of line {len(lines)}: {end!r}")


def _is_residue_number(field: str) -> bool:
    """Decimal, or beyond 9999 the letters and digits of the hybrid-36 system."""
    return re.fullmatch(r" *-?\d+|[A-Za-z][0-9A-Za-z]{3}", field) is not None


def _is_finite(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
