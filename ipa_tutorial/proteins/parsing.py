"""From the bytes of a PDB or mmCIF file to gemmi's structure, and a clear word when the file is broken."""

from __future__ import annotations

import gzip
import re
import string
import zlib

import gemmi

# What the parser reads to its end, and nothing else: it takes "1_000" for 1 and a digit of another script for 0.
NUMBER = re.compile(r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *", re.ASCII)
RESIDUE_NUMBER = re.compile(r" *-?\d+ *|[A-Za-z][0-9A-Za-z]{3}", re.ASCII)  # beyond 9999: the hybrid-36 system
ATOM_RECORD = re.compile(r"ATOM[ \d]|HETATM", re.ASCII | re.IGNORECASE)
BASE_36 = string.digits + string.ascii_uppercase


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
        text = "\n".join(_clean_pdb(lines, where))
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


# --- mmCIF ------------------------------------------------------------------------------------------------------------


def _read_mmcif(text: str) -> gemmi.Structure:
    """The first block with atoms; what the parser asks for and the file does not have is filled in."""
    document = gemmi.cif.read_string(text)
    block = next((block for block in document if block.find_values("_atom_site.Cartn_x")), document[0])
    atoms = block.get_mmcif_category("_atom_site.", raw=True)
    if atoms:
        _refuse_a_torn_value(text, block, atoms)
        if missing := _missing_columns(atoms):
            block.set_mmcif_category("_atom_site.", atoms | missing, raw=True)
    return gemmi.make_structure_from_block(block)


def _missing_columns(atoms: dict[str, list[str]]) -> dict[str, list[str]]:
    """Names are either the author's (auth) or the database's (label): where one is missing, the other stands in."""
    rows = len(next(iter(atoms.values())))
    columns = {"id": list(map(str, range(1, rows + 1))), "label_alt_id": ["."] * rows}
    for field in ("atom_id", "comp_id", "asym_id"):
        for name, other in ((f"label_{field}", f"auth_{field}"), (f"auth_{field}", f"label_{field}")):
            if other in atoms:
                columns[name] = atoms[other]
    names = atoms.get("label_atom_id") or atoms.get("auth_atom_id") or []
    columns["type_symbol"] = [re.sub(r"[^A-Za-z]", "", name)[:1] or "X" for name in names]
    return {name: values for name, values in columns.items() if name not in atoms}


def _refuse_a_torn_value(text: str, block: gemmi.cif.Block, atoms: dict[str, list[str]]) -> None:
    """A file that ends right behind a number, without a new line, may have been cut inside it.

    It was not if the number has as many decimals as another of its column, or is one that stands there already.
    """
    *others, last = next(reversed(atoms.values()))
    if text[-1:].isspace() or not text.endswith(last) or next(reversed(list(block))).loop is None:
        return
    decimals = {len(other.partition(".")[2]) for other in others if "." in other}
    if last not in others and len(last.partition(".")[2]) not in decimals:
        raise ValueError(f"it ends, perhaps too early, in {last!r}")


# --- PDB --------------------------------------------------------------------------------------------------------------


def _clean_pdb(lines: list[str], where: str) -> list[str]:
    """The lines up to END, with the fields of every atom in their columns, without the words of other programs.

    Refuses what the parser would read as some other number: it takes ``********`` for 0, for one.
    """
    end = next((n for n, line in enumerate(lines) if line.rstrip().upper() == "END"), len(lines))
    _refuse_a_torn_line(lines, where)
    clean = []
    for number, line in enumerate(lines[:end], 1):
        if ATOM_RECORD.match(line.ljust(6)):
            if (atom := _in_columns(line)) is None:
                raise ValueError(
                    f"{where} is damaged: no residue number or coordinates in line {number}: {line.rstrip()!r}"
                )
            clean.append(atom)
        elif line[:4].upper() not in ("ATOM", "HETA"):  # such as atom_pair_constraint, a score
            clean.append(line)
    return clean


def _in_columns(line: str) -> str | None:
    """An atom's line with serial and residue number made to fit, or None if a number in it cannot be read."""
    if (serial := re.match(r".{6}(\d{6,})", line, re.ASCII)) and not _points_at(line, 34):
        line = line[:6] + serial[1][-5:] + line[serial.end() :]  # a sixth digit had moved the rest
    if re.fullmatch(r" *-?\d+", line[22:27], re.ASCII):  # the fifth digit stands where an insertion code would
        if line[27:28] == " " and _points_at(line, 35):
            line = line[:27] + line[28:]  # it had moved the rest
        number = int(line[22:27])
        if number < -999:
            return None
        line = f"{line[:22]}{_hybrid_36(number):>4} {line[27:]}"
    numbers = line[30:38], line[38:46], line[46:54]
    readable = RESIDUE_NUMBER.fullmatch(line[22:26]) and all(map(NUMBER.fullmatch, numbers))
    return line if readable and len(line) >= 54 else None


def _points_at(line: str, column: int) -> bool:
    """Whether the decimal points of x, y and z, which are eight columns wide, stand where this one does."""
    return all(line[c : c + 1] == "." for c in (column, column + 8, column + 16))


def _hybrid_36(number: int) -> str:
    """Four characters for a residue number: 9999, then A000, A001, …"""
    if number < 10_000:
        return str(number)
    number += 10 * 36**3 - 10_000
    return "".join(BASE_36[number // 36**k % 36] for k in (3, 2, 1, 0))


def _refuse_a_torn_line(lines: list[str], where: str) -> None:
    """A last line without an end may be a piece of one, if it begins an atom and is shorter than all others."""
    end = lines[-1].rstrip()  # empty if the last line was ended properly
    others = [len(line.rstrip()) for line in lines[:-1] if ATOM_RECORD.match(line)]
    is_atom = end and any(record.startswith(end[:6]) for record in ("ATOM  ", "HETATM", "ANISOU"))
    if is_atom and others and len(end) < min(others):
        raise ValueError(f"{where} is truncated: it ends in the middle of line {len(lines)}: {lines[-1]!r}")
