"""``python -m ipa_tutorial.dreams train`` teaches the network, ``python -m ipa_tutorial.dreams measure`` judges it."""

import sys

from . import report, training

COMMANDS = {"train": training.main, "measure": report.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        raise SystemExit(f"usage: python -m ipa_tutorial.dreams {{{','.join(COMMANDS)}}} …   (add --help for more)")
    COMMANDS[sys.argv.pop(1)]()
