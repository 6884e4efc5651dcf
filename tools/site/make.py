"""The whole site, in _build/html:  python tools/site/make.py [JOBS]

gather.py and Sphinx run in one process, which reads every library once; Sphinx forks JOBS others of it. The modules for
the live pages are exported at the same time (live/export.py), and finish.mjs comes last.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "_build"
HTML = BUILD / "html"


def main(jobs: str) -> int:
    shutil.rmtree(BUILD, ignore_errors=True)
    export = subprocess.Popen([sys.executable, HERE / "live" / "export.py", HTML / "_static" / "live"])
    try:
        return pages(jobs) or subprocess.call(["node", HERE / "finish.mjs", HTML]) or export.wait()
    finally:
        export.kill()  # if it runs still, something else has failed


def pages(jobs: str) -> int:
    """A warning is an error: a link that leads nowhere, a docstring that cannot be read."""
    from gather import gather
    from sphinx.cmd.build import main as sphinx

    gather()
    strict = ["--fail-on-warning", "--keep-going", "--quiet", "--jobs", jobs]
    return sphinx([*strict, "-c", str(HERE), "-d", str(BUILD / "doctrees"), str(BUILD / "source"), str(HTML)])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["1"]))
