"""A prompt's variables against its text: what is refused, and what is only said."""

import pytest

from registry import placeholders


def codes(reasons):
    return [reason.code for reason in reasons]


@pytest.mark.parametrize(
    ("text", "variables", "refused", "warned"),
    [
        ("Be brief.", [], [], []),
        ("Answer {{ question }}.", ["question"], [], []),
        ("Answer {{question}}.", ["question"], [], []),
        # Other ways to mark a place are the caller's.
        ("Answer {question}.", ["question"], [], []),
        ("Answer ${question}, <question>.", ["question"], [], []),
        ("Answer $question.", ["question"], [], []),
        ("Answer %(question)s.", ["question"], [], []),
        ("Answer [question].", ["question"], [], []),
        # Declared but unused.
        ("Answer.", ["question"], [], ["VARIABLE_UNUSED"]),
        ("Answer questions.", ["question"], [], ["VARIABLE_UNUSED"]),
        ("Answer the question.", ["question"], [], ["VARIABLE_UNUSED"]),
        ("Answer {questions}.", ["question"], [], ["VARIABLE_UNUSED", "VARIABLE_PERHAPS"]),
        ("", ["a", "b"], [], ["VARIABLE_UNUSED", "VARIABLE_UNUSED"]),
        # Used but undeclared.
        ("Answer {{question}}.", [], ["VARIABLE_UNDECLARED"], []),
        ("Answer {{q}} and {{ r }}.", ["q"], ["VARIABLE_UNDECLARED"], []),
        ("Answer {{ r }} and {{ q }}.", [], ["VARIABLE_UNDECLARED"] * 2, []),
        # What may be a place.
        ("Answer {question} or ${other}.", [], [], ["VARIABLE_PERHAPS"]),
        ('Answer {"question": 1}.', [], [], []),
        ("Answer {{ user.name }}.", [], [], ["PLACE_UNREADABLE"]),
        ("Answer {{ name|upper }} {{}}.", [], [], ["PLACE_UNREADABLE"]),
        ("{% if a %}{{ a }}{% endif %}", ["a"], [], []),
        # What is no list of names.
        ("Answer a b.", ["a b"], ["VARIABLE_NAME"], ["VARIABLE_UNUSED"]),
        ("Answer q.", ["q", "q"], ["VARIABLES"], None),
        ("Answer q.", "q", ["VARIABLES"], None),
    ],
)
def test_declared_variables_and_text_agree(text, variables, refused, warned):
    assert codes(placeholders.problems(text, variables)) == refused
    if warned is not None:
        assert codes(placeholders.warnings(text, variables)) == warned


def test_each_is_named_in_words():
    (undeclared,) = placeholders.problems("Dear {{ customer }},", [])
    assert undeclared.sentence.startswith("Used but undeclared: customer.")
    gone, word = placeholders.warnings("The tone is kind.", ["city", "tone"])
    assert gone.sentence == "Declared but unused: city. The text has no place for it."
    assert word.sentence.endswith("It stands in the text as a word, not as a place.")
    perhaps, odd = placeholders.warnings("{city} {{ a.b }} {{}}", [])
    assert "undeclared: city." in perhaps.sentence
    assert odd.sentence.startswith("In braces, but no name of a variable: nothing, a.b.")
    assert odd.sentence.endswith("A place is {{ name }}.")


def test_very_many_are_counted():
    found = placeholders.warnings("", [f"v{number}" for number in range(30)])
    assert len(found) == placeholders.LISTED + 1
    assert found[-1].sentence == "Declared but unused: 20 more."
    (one,) = placeholders.warnings("".join(f"{{v{number}}}" for number in range(30)), [])
    assert "and 20 more" in one.sentence
