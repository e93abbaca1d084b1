"""The names of classes in pictures, in which any text must stay a text."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.legend import Legend

NO_TEXT = ("Emoji", "Last Resort")  # in names of fonts that cannot be drawn, or that have a box for every character
LONGEST = 20  # columns of a name in a picture; a Chinese character takes two


@contextmanager
def plain_text(names: Sequence[str]) -> Iterator[None]:
    """Draw texts as they are: a dollar sign starts no formula, and fonts are found for all scripts.

    Matplotlib's own font has the scripts of Europe, Arabic and Hebrew. For other characters, the fonts of this machine
    are searched. So a picture of such names depends on the machine.

    Args:
        names: all texts that come from the user.
    """
    fonts = [*mpl.rcParams["font.family"], *_find_fonts(_missing_characters("".join(names)))]
    with mpl.rc_context({"text.parse_math": False, "font.family": fonts}):
        yield


def picture_names(classes: Sequence[str], picture: Path | str) -> list[str]:
    """Return the names of classes as a picture shows them.

    A long name is shortened in its middle. A name with characters that no font of this machine has is replaced by the
    number of the class, and a line is printed.

    Args:
        classes: names by label.
        picture: the path of the picture, for the line.

    Returns:
        The names by label.
    """
    unknown = {name for name in classes if not can_draw(name)}
    if unknown:
        print(
            f"{picture}: no font on this machine has all characters of {', '.join(sorted(unknown))}; the picture has "
            "the number of the class instead, and report/report.html has the name"
        )
    return [f"class {label}" if name in unknown else shorten(name) for label, name in enumerate(classes)]


def can_draw(text: str) -> bool:
    """Tell whether the fonts of this machine have all characters of a text."""
    missing = _missing_characters(text)
    return missing <= frozenset().union(*map(_characters, _find_fonts(missing).values()))


def shorten(name: str) -> str:
    """Shorten a name to LONGEST columns: its beginning and its end stay."""
    if _columns(name) <= LONGEST:
        return name
    end = len(name)
    while _columns(name[end - 1 :]) <= LONGEST // 3:
        end -= 1
    start = 0
    while _columns(name[: start + 1]) + 1 + _columns(name[end:]) <= LONGEST:
        start += 1
    return f"{name[:start]}…{name[end:]}"


def name_entries(legend: Legend, names: Sequence[str]) -> None:
    """Set the texts of a legend. Matplotlib itself leaves out labels that begin with an underscore.

    Args:
        legend: with as many entries as there are names.
        names: of the entries.
    """
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _missing_characters(text: str) -> frozenset[str]:
    """Find the characters that the usual font does not have."""
    return frozenset(text) - _characters(findfont(FontProperties()))


@cache
def _find_fonts(characters: frozenset[str]) -> dict[str, str]:
    """Find fonts of this machine that have characters: as few as possible. Their files, by name of the font."""
    regular = {font.name: font.fname for font in fontManager.ttflist if font.style == "normal" and font.weight == 400}
    candidates = {name: path for name, path in sorted(regular.items()) if not any(part in name for part in NO_TEXT)}
    found: dict[str, str] = {}
    while characters and candidates:
        best = max(candidates, key=lambda name: len(characters & _characters(candidates[name])))
        path = candidates.pop(best)
        if not characters & _characters(path):
            break
        found[best] = path
        characters -= _characters(path)
    return found


@cache
def _characters(path: str) -> frozenset[str]:
    """List the characters of a font file. A file that cannot be read has none."""
    try:
        return frozenset(map(chr, get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()
