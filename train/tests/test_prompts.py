from aerie_train.generate import loops
from aerie_train.prompts import select_prompts

QUESTION = "Write a short story about a lighthouse keeper who befriends a very old and lonely seagull."


def test_prompts_that_repeat_or_share_thirteen_words_with_a_question_are_left_out():
    near = "Please w" + QUESTION[1:-1].replace(",", "") + " on a cliff!"
    assert select_prompts(["Name three fruits.", near, "name three  fruits", "Why?"], [QUESTION]) == ["Name three fruits.", "Why?"]


def test_short_questions_are_found_whole():
    assert select_prompts(["Name three fruits", "Name three green fruits"], ["Name three fruits."]) == ["Name three green fruits"]


def test_text_loops_if_sixteen_tokens_come_back_a_fifth_time():
    run = list(range(16))
    assert not loops(run * 4)
    assert loops(run * 5)
    assert not loops(list(range(300)))
