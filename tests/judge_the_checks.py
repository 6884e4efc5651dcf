"""All thousand answers of tests/wrong_answers before their checks: make checks-test, some minutes."""

import confusion
import pytest
from wrong_answers import EXERCISES, answers


@pytest.mark.parametrize("number", EXERCISES)
def test_each_answer_gets_the_verdict_that_is_written_down(number):
    confusion.judge(answers(number))
