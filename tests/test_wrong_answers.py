"""Every wrong answer of the table is refused, in the known words; every right one passes."""

import confusion
import pytest
from wrong_answers import EXERCISES, answers


@pytest.mark.parametrize("number", EXERCISES)
def test_each_answer_gets_the_verdict_that_is_written_down(number):
    known = confusion.known()
    for answer in answers(number):
        verdict = confusion.examine(answer)
        assert (verdict.status == "ok") == (answer.kind == "right"), f"{answer.title}: {verdict}"
        assert confusion.in_short(answer, verdict) == known[confusion.key(answer)], f"{answer.title}: {verdict}"


def test_nine_in_ten_lead_to_the_mistake():
    verdicts = [verdict.split(" ")[0] for verdict in confusion.known().values()]
    wrong = [verdict for verdict in verdicts if verdict != "passed"]
    assert len(wrong) > 700 and not {"accepted", "refused"} & set(verdicts)
    assert sum(verdict in ("named", "diagnosed") for verdict in wrong) > 0.9 * len(wrong)


def test_every_exercise_has_at_least_eight_wrong_answers_and_a_right_one():
    assert set(EXERCISES) == {number for number in confusion.checks() if not number.startswith("18")}
    for number in EXERCISES:
        kinds = [answer.kind for answer in answers(number)]
        assert kinds.count("wrong") >= 8 and kinds.count("right") >= 1, number
