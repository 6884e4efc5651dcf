"""Makes the folder that the live pages are served from:  python tools/site/live/export.py OUTDIR

    turn.onnx, start.onnx, step.onnx, judge.onnx    the course's modules (graphs.py)
    turn.json, dream.json                           what the pages must know beside them
    turn.webp, dream.webp                           stills, for who has no WebAssembly (stills.py)
    turn.js, dream.js, …, live.css                  the pages' scripts, as they are
    ort.mjs, ort.wasm.gz, 3Dmol-min.js              ONNX Runtime and 3Dmol.js (after `npm ci` in this folder)

Nothing in it asks for another host.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from graphs import Turn
from onnx import helper, numpy_helper
from plain import Plain
from torch import Tensor, nn

from ipa_tutorial import load_protein
from ipa_tutorial.pictures.drawing import STRUCTURE_COLOURS
from ipa_tutorial.pictures.scene import RESIDUES
from ipa_tutorial.proteins import secondary_structure

HERE = Path(__file__).parent
RUNTIME = HERE / "node_modules" / "onnxruntime-web" / "dist"
LIBRARY = HERE.parents[2] / "ipa_tutorial" / "data" / "3dmol"
LENGTH = torch.export.Dim("L", min=8, max=512)


def export(module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], lengths: dict[str, int]) -> onnx.ModelProto:
    """The graph of a module. ``lengths`` says which axis of an input is the chain's; the others are fixed."""
    example = tuple(inputs.values())
    dynamic = tuple({lengths[name]: LENGTH} if name in lengths else None for name in inputs)
    with torch.no_grad(), Plain(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module.eval(), example, dynamic_shapes=dynamic, strict=False)
        names = dict(input_names=list(inputs), output_names=list(outputs))
        graph = torch.onnx.export(program, example, dynamo=True, verify=False, verbose=False, **names).model_proto
    return without_remarks(graph)


def without_remarks(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Only what is computed, not from which line of Python it came."""
    for node in [*graph.graph.node, *(node for function in graph.functions for node in function.node)]:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.value_info, *graph.graph.initializer]:
        del value.metadata_props[:]
    del graph.graph.value_info[:], graph.metadata_props[:]
    return graph


def packed(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Weights that were kept in half precision travel in it, and are widened where they arrive: not a digit is lost."""
    kept, casts = [], []
    for weight in graph.graph.initializer:
        x = numpy_helper.to_array(weight)
        if x.size > 256 and x.dtype.kind == "f" and np.array_equal(x.astype(np.float16).astype(x.dtype), x):
            kept.append(numpy_helper.from_array(x.astype(np.float16), f"{weight.name}_half"))
            casts.append(helper.make_node("Cast", [f"{weight.name}_half"], [weight.name], to=weight.data_type))
        else:
            kept.append(weight)
    nodes = [*casts, *graph.graph.node]
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend(kept)
    graph.graph.node.extend(nodes)
    return graph


def turn_inputs() -> dict[str, Tensor]:
    protein = load_protein("ubiquitin")
    atoms = protein.coordinates[:, :3] - protein.ca.mean(0)
    return dict(atoms=atoms, unit=torch.tensor(0.1), terms=torch.ones(3), gamma=torch.tensor(1.0))


def turn_graph() -> onnx.ModelProto:
    return export(Turn().float(), turn_inputs(), ("ipa", "ipa_mean", "naive"), {})


def turn_facts() -> dict:
    """Ubiquitin, its middle at the origin."""
    protein = load_protein("ubiquitin")
    atoms = protein.coordinates - protein.ca.mean(0)
    return dict(
        atoms=atoms.flatten().double().round(decimals=3).tolist(),  # N, CA, C, O of each residue, Å
        names=[RESIDUES[letter] for letter in protein.sequence],
        numbers=protein.residue_index.tolist(),
        structure=secondary_structure(protein),
        colours=STRUCTURE_COLOURS,
        cividis=cividis(),
    )


def cividis() -> list[list[int]]:
    from matplotlib import colormaps

    return (colormaps["cividis"](np.arange(256))[:, :3] * 255).round().astype(int).tolist()


def copy_scripts(folder: Path) -> None:
    for path in [*HERE.glob("*.js"), HERE / "live.css", LIBRARY / "3Dmol-min.js", LIBRARY / "3Dmol-min.js.LICENSE.txt"]:
        shutil.copyfile(path, folder / path.name)
    if not RUNTIME.exists():
        sys.exit(f"ONNX Runtime for the web is missing:  cd {HERE} && npm ci")
    shutil.copyfile(RUNTIME / "ort.wasm.bundle.min.mjs", folder / "ort.mjs")
    program = (RUNTIME / "ort-wasm-simd-threaded.wasm").read_bytes()
    (folder / "ort.wasm.gz").write_bytes(gzip.compress(program, mtime=0))


def write_json(facts: dict, path: Path) -> None:
    path.write_text(json.dumps(facts, separators=(",", ":")), encoding="utf-8")


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    copy_scripts(folder)
    onnx.save(turn_graph(), folder / "turn.onnx")
    write_json(turn_facts(), folder / "turn.json")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} OUTDIR")
    main(Path(sys.argv[1]))
