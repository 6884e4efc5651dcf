"""How good are the checks? What they say to the answers of tests/wrong_answers, counted.

python tests/confusion.py            # the table
python tests/confusion.py 05 -v      # one lesson, with what was said to each answer
python tests/confusion.py --write    # write wrong_answers/verdicts.tsv anew: read the difference, then commit
python tests/confusion.py 05 --write # only the rows of one lesson
"""

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import torch
from wrong_answers import EXERCISES, Answer, answers

from ipa_tutorial.classroom.checks import CHECKS, Check, Verdict

TESTS = Path(__file__).parent
VERDICTS = TESTS / "wrong_answers" / "verdicts.tsv"
TEXTS = TESTS.parent / "notebooks" / "text" / "exercises"
WRONG, RIGHT = ("named", "diagnosed", "raised", "bare", "accepted"), ("passed", "refused")


@cache
def checks() -> dict[str, Check]:
    """The check of each exercise, as its text calls it: {"05.1": check_point_logits}."""
    found = {}
    for text in sorted(TEXTS.glob("*.md")):
        parts = re.split(r"^## Exercise (\d\d\.\d+)", text.read_text(encoding="utf-8"), flags=re.M)
        for number, part in zip(parts[1::2], parts[2::2], strict=True):
            found[number] = CHECKS[re.search(r"^(check_\w+)\(\w+\)$", part, re.M)[1]]
    return found


def examine(answer: Answer) -> Verdict:
    """In the dtype of the exercise's notebook."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if answer.exercise.startswith("16") else torch.float32)
    try:
        return checks()[answer.exercise].examine(answer.make)
    finally:
        torch.set_default_dtype(before)


def kind(answer: Answer, verdict: Verdict) -> str:
    """named: the mistake has a name; diagnosed: a sentence leads to it; raised: Python's own error is shown;
    bare: two numbers, and no more."""
    if answer.kind == "right":
        return "passed" if verdict.status == "ok" else "refused"
    if verdict.status == "ok":
        return "accepted"
    if verdict.bug:
        return "named"
    return "bare" if not verdict.reason else "raised" if verdict.reason.startswith("it raises") else "diagnosed"


def in_short(answer: Answer, verdict: Verdict) -> str:
    """What is written down: the name, or the beginning of the sentence without its numbers."""
    how = kind(answer, verdict)
    words = verdict.bug.name if verdict.bug else re.split(r"[:;(0-9]", verdict.reason)[0][:80].strip()
    return f"{how} {words}".strip()


def key(answer: Answer) -> str:
    return f"{answer.exercise}\t{answer.title}"


@cache
def known() -> dict[str, str]:
    """{exercise and title: verdict}"""
    rows = (line.split("\t") for line in VERDICTS.read_text(encoding="utf-8").splitlines())
    return {f"{exercise}\t{title}": verdict for exercise, title, verdict in rows}


def judge(some: list[Answer]) -> None:
    """Assert that each of these answers gets the verdict that is written down, and that right ones pass."""
    for answer in some:
        verdict = examine(answer)
        assert (verdict.status == "ok") == (answer.kind == "right"), f"{answer.title}: {verdict}"
        assert in_short(answer, verdict) == known()[key(answer)], f"{answer.title}: {verdict}"


def main(arguments: list[str]) -> None:
    chosen = [a for a in arguments if not a.startswith("-")]
    table, rows = {}, []
    for number in EXERCISES:
        if chosen and not number.startswith(tuple(chosen)):
            continue
        table[number] = Counter()
        for answer in answers(number):
            verdict = examine(answer)
            table[number][kind(answer, verdict)] += 1
            rows.append(f"{key(answer)}\t{in_short(answer, verdict)}")
            if "-v" in arguments:
                print(f"--- {number} {answer.title}: {answer.mistake or 'right'}\n{verdict}")
    if "--write" in arguments:
        others = [line for line in VERDICTS.read_text(encoding="utf-8").splitlines() if line[:4] not in table]
        written = [line for line in others if line[:4] in EXERCISES]
        VERDICTS.write_text("\n".join(sorted(written + rows, key=lambda line: line[:4])) + "\n", encoding="utf-8")
    print(f"{'':6}" + "".join(f"{name:>10}" for name in WRONG + RIGHT))
    for number, counts in [*table.items(), ("all", sum(table.values(), Counter()))]:
        print(f"{number:6}" + "".join(f"{counts[name] or '·':>10}" for name in WRONG + RIGHT))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
