"""Names stay as they are in Markdown."""

import pytest

from eurosat_transfer.reporting.markdown import escape_name, escape_tags


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("SeaLake", "SeaLake"),
        ("sea_lake 2.1", "sea_lake 2.1"),
        ("_background", "&#95;background"),
        ("a|b", "a&#124;b"),
        ("low_$5_$6", "low&#95;&#36;5&#95;&#36;6"),
        ("*b*", "&#42;b&#42;"),
        ("<b>", "&lt;b>"),
        ("[a](b)", "&#91;a&#93;(b)"),
        ("`code`", "&#96;code&#96;"),
        ("a\\b", "a&#92;b"),
        ("A&amp;B", "A&amp;amp;B"),
    ],
)
def test_marks_in_a_name_are_escaped(name, escaped):
    assert escape_name(name) == escaped


def test_code_in_a_sentence_stays():
    assert escape_tags("*b* differs (`split.val=*_x_`), p < 0.05") == "&#42;b&#42; differs (`split.val=*_x_`), p < 0.05"


def test_a_single_backtick_starts_no_code():
    assert escape_tags("a`b has <b>") == "a\\`b has &lt;b>"


def test_only_what_starts_a_tag_is_escaped():
    assert escape_tags("<b>, </b>, <!-- and <?") == "&lt;b>, &lt;/b>, &lt;!-- and &lt;?"
    assert escape_tags("Holm's p < 1e-12, <3") == "Holm's p < 1e-12, <3"
