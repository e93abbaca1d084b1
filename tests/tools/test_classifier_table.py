"""The tool that keeps the table of classifiers in the documentation."""

import pytest
from conftest import REPOSITORY

from tools import classifier_table
from tools.classifier_table import END, PAGE, START, with_table


def test_the_committed_table_is_up_to_date():
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert with_table(page) == page


def test_a_new_classifier_gets_a_row_and_the_rest_of_the_page_stays(monkeypatch):
    monkeypatch.setattr(classifier_table, "CLASSIFIERS", {"knn": "neighbours", "newcomer": "discriminants"})
    page = with_table(f"before\n\n{START}\nold\ntable\n{END}\n\nafter\n")
    assert page.startswith(f"before\n\n{START}\n| classifier |")
    assert "| `newcomer` | discriminants | `stages/newcomer.py` |\n<!-- end" in page
    assert page.endswith(f"{END}\n\nafter\n")
    assert "old" not in page


def test_a_page_without_the_comments_is_refused():
    with pytest.raises(ValueError, match="no place for the table"):
        with_table("text\n")
