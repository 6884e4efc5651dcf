"""Makes the folder that the live pages are served from:  python tools/site/live/export.py OUTDIR

    turn.onnx, start.onnx, step.onnx, judge.onnx    the course's modules (graphs.py)
    turn.json, dream.json                           what the pages must know beside them
    turn.png, dream.png                           stills, for who has no WebAssembly (stills.py)
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
from unittest.mock import patch

import numpy as np
import onnx
import onnx_ir as ir
import torch
from graphs import Judge, Start, Step, Turn
from onnx import TensorProto, helper, numpy_helper
from onnx_ir.passes.common import InlinePass, RemoveUnusedNodesPass
from onnxscript import opset18
from onnxscript.optimizer import fold_constants
from plain import Plain
from stills import dream_still, turn_still
from torch import Tensor, nn

from ipa_tutorial import load_protein, random_rigid
from ipa_tutorial.dreams import TABLE, centred, read_csv, summary
from ipa_tutorial.dreams.measures import BINS, phi_psi_map
from ipa_tutorial.pictures.drawing import STRUCTURE_COLOURS
from ipa_tutorial.pictures.scene import RESIDUES
from ipa_tutorial.proteins import secondary_structure

HERE = Path(__file__).parent
RUNTIME = HERE / "node_modules" / "onnxruntime-web" / "dist"
LIBRARY = HERE.parents[2] / "ipa_tutorial" / "data" / "3dmol"
LENGTH = torch.export.Dim("L", min=8, max=512)


def export(
    module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], lengths: dict[str, int]
) -> onnx.ModelProto:
    """The graph of a module. ``lengths`` says which axis of an input is the chain's; the others are fixed."""
    example = tuple(inputs.values())
    dynamic = tuple({lengths[name]: LENGTH} if name in lengths else None for name in inputs)
    with torch.no_grad(), Plain(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module.eval(), example, dynamic_shapes=dynamic, strict=False)
        names = dict(input_names=list(inputs), output_names=list(outputs))
        options = dict(dynamo=True, optimize=False, verify=False, verbose=False, custom_translation_table=NUMBERS)
        model = torch.onnx.export(program, example, **options, **names).model
    # Its own optimiser takes minutes for the rules that ONNX Runtime has as well; only this must be done before.
    for tidy in (InlinePass(), fold_constants, RemoveUnusedNodesPass()):
        tidy(model)
    return without_remarks(ir.to_proto(model))


def number(s: float, dtype: int = TensorProto.FLOAT, layout: str = "", device: str = "", pin_memory: bool = False):
    """A number of Python's with all its digits; left to itself the exporter rounds it to a float32."""
    return opset18.Constant(value=helper.make_tensor("number", dtype, (), [s]))


NUMBERS = {torch.ops.aten.scalar_tensor.default: number}


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
        atoms=flat(atoms, 3),  # N, CA, C, O of each residue, Å
        names=[RESIDUES[letter] for letter in protein.sequence],
        numbers=protein.residue_index.tolist(),
        structure=secondary_structure(protein),
        colours=STRUCTURE_COLOURS,
        cividis=cividis(),
    )


def dream_graphs(L: int = 64) -> dict[str, onnx.ModelProto]:
    """The graphs of a dream by their names, for chains of any length; ``L`` is that of the example only."""
    double = torch.float64
    now, goal, truth = (random_rigid(L, dtype=double) for _ in range(3))
    noise = dict(arrows=torch.randn(2, L, 3, dtype=double), places=torch.randn(L, 3, dtype=double))
    inputs = dict(rotations=now.rotations, translations=now.translations)
    inputs |= dict(goal_rotations=goal.rotations, goal_translations=goal.translations, known=torch.tensor(True))
    inputs |= {name: torch.tensor([x], dtype=double) for name, x in (("t", 0.2), ("after", 0.3))}
    inputs |= dict(fresh=torch.randn(L, 3, dtype=double), held=torch.arange(L) < L // 2)
    inputs |= dict(true_rotations=truth.rotations, true_translations=truth.translations)
    lengths = {name: 0 for name, x in inputs.items() if x.ndim and len(x) == L}
    frames = ("rotations", "translations")
    outputs = (*(f"next_{x}" for x in frames), *(f"next_goal_{x}" for x in frames), "atoms", "goal_atoms")
    atoms = torch.randn(L, 4, 3, dtype=double)
    judged = ("phi", "psi", "outliers", "shares", "contacts")
    before = torch.get_default_dtype()
    torch.set_default_dtype(double)  # also of the constants that the modules make on their way
    with patch("ipa_tutorial.dreams.measures.int", lambda count: count, create=True):  # a graph keeps it as a tensor
        judge = export(Judge(), dict(atoms=atoms), judged, dict(atoms=0))
    start = export(Start(), noise, (*frames, "atoms"), dict(arrows=1, places=0))
    step = packed(export(Step(), inputs, outputs, lengths))
    torch.set_default_dtype(before)
    return dict(start=start, step=step, judge=judge)


def dream_facts() -> dict:
    """Where real residues are, how dreams and nature are judged, and ubiquitin, whose beginning can be held."""
    known, rows = phi_psi_map(), read_csv(TABLE)
    numbers = {source: summary([row for row in rows if row.source == source]) for source in ("dream", "test")}
    dreams, nature = (
        {name: round(numbers[source][name], 4) for name in ("phi_psi", "bends", "twisted", "contacts")}
        for source in ("dream", "test")
    )
    protein = load_protein("ubiquitin")
    T = centred(protein.rigids(torch.float64), torch.ones(len(protein), dtype=torch.bool))
    ubiquitin = dict(length=len(protein), rotations=flat(T.rotations, 9), translations=flat(T.translations, 9))
    level = (known.density / known.height).log2().clamp(min=-1).floor().long() + 1
    return dict(bins=BINS, common=level.flatten().tolist(), dreams=dreams, nature=nature, ubiquitin=ubiquitin)


def flat(x: Tensor, decimals: int) -> list[float]:
    return x.flatten().double().round(decimals=decimals).tolist()


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
    (folder / "turn.png").write_bytes(turn_still())
    (folder / "dream.png").write_bytes(dream_still())
    onnx.save(turn_graph(), folder / "turn.onnx")
    write_json(turn_facts(), folder / "turn.json")
    for name, graph in dream_graphs().items():
        onnx.save(graph, folder / f"{name}.onnx")
    write_json(dream_facts(), folder / "dream.json")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} OUTDIR")
    main(Path(sys.argv[1]))
