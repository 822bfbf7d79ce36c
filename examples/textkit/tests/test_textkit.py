import pytest

from textkit import slugify, word_counts, wrap


def test_words_are_counted_whatever_their_case():
    assert word_counts("To be, or not to be.") == {"to": 2, "be": 2, "or": 1, "not": 1}


def test_an_apostrophe_belongs_to_its_word():
    assert word_counts("Don't — don’t! 'Quoted'") == {"don't": 2, "quoted": 1}


def test_numbers_are_no_words():
    assert word_counts("12 monkeys, 4you") == {"monkeys": 1, "you": 1}


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("  Crème brûlée & café  ", "creme-brulee-cafe"),
        ("Straße nach Łódź", "strasse-nach-lodz"),
        ("It's 2 o’clock", "its-2-oclock"),
        ("日本", ""),
    ],
)
def test_slug(text, slug):
    assert slugify(text) == slug


def test_a_long_slug_is_cut_between_words():
    assert slugify("one two three", longest=10) == "one-two"
    assert slugify("incomprehensible", longest=5) == "incom"


def test_lines_are_as_full_as_the_width_allows():
    assert wrap("the quick brown fox", 9) == ["the quick", "brown fox"]


def test_a_word_longer_than_the_line_stands_alone():
    assert wrap("a incomprehensible b", 5) == ["a", "incomprehensible", "b"]


@pytest.mark.parametrize("mistake", [lambda: wrap("x", 0), lambda: slugify("x", longest=0)], ids=["wrap", "slugify"])
def test_no_room_at_all_is_an_error(mistake):
    with pytest.raises(ValueError, match="=0: .* at least 1 character"):
        mistake()
