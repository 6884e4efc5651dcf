"""Runs notebooks to their end as a kernel would, magics included, all in this one process; prints what they print.

    python tests/run_notebooks.py notebooks/exercises/*.ipynb    one JSON object: {path: [printed by each code cell]}

Starting a kernel and importing torch takes four seconds a notebook; here that is paid once. Lessons have a kernel each
(make notebooks-test); this is for their exercises, unsolved and solved.
"""

import gc
import json
import sys
from pathlib import Path

import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


def run(path: str) -> list[str]:
    """What each code cell prints. Raises what a cell raises."""
    shell = InteractiveShell.instance()
    shell.reset()
    gc.freeze()  # what is left is not looked through again at the next reset
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    printed = []
    for cell in json.loads(Path(path).read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            with capture_output() as captured:
                result = shell.run_cell(source)
            if not result.success:
                sys.exit(f"{path}:\n{source}\n{captured.stdout}")
            printed.append(captured.stdout)
    return printed


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump({path: run(path) for path in sys.argv[1:]}, sys.stdout)
