from __future__ import annotations

from cx_widgets import _numbers


def test_long_names_that_begin_alike_lose_their_middle_and_others_their_end():
    names = ["Buy", "Consideration of the first", "Consideration of the second", "Evaluation of the others"]
    assert _numbers.told_apart(names, 12) == ["Buy", "Consi…first", "Consi…second", "Evaluation…"]
    assert _numbers.told_apart(["Consideration of the first"], 12) == ["Considerati…"]
