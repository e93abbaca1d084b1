"""Texts in Markdown, in which names of classes and files stay as they are."""

import re

# What starts an HTML tag. Other signs "<", as in "p < 0.05", stay as they are.
TAG = r"<(?=[A-Za-z/!?])"
# Emphasis, a formula, a link, a struck text or a cell. An underscore inside a word is none of these.
MARK = r"[\\*$~\[\]|]|(?<!\w)_|_(?!\w)"


def escape_tags(text: str) -> str:
    """Escape what Markdown takes for the start of an HTML tag, and for marks outside of code.

    Args:
        text: a sentence, which may have code between backticks.
    """
    parts = re.sub(TAG, "&lt;", text).split("`")
    if len(parts) % 2 == 0:  # a backtick without another one is no code
        return "\\`".join(map(_escape_marks, parts))
    return "`".join(part if number % 2 else _escape_marks(part) for number, part in enumerate(parts))


def escape_name(name: str) -> str:
    """Escape all that has a meaning in Markdown, for a name in a sentence or in a cell of a table.

    Args:
        name: any text of one line.
    """
    return _escape_marks(re.sub(TAG, "&lt;", name.replace("&", "&amp;"))).replace("`", "&#96;")


def _escape_marks(text: str) -> str:
    return re.sub(MARK, lambda found: f"&#{ord(found[0])};", text)
