"""Keep the table of the classifiers in docs/results.md.

python -m tools.classifier_table --fix      write it
python -m tools.classifier_table --check    exit with status 1 if it is out of date
"""

import argparse
import re
import sys
from pathlib import Path

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

PAGE = Path("docs/results.md")
START, END = "<!-- classifiers: python -m tools.classifier_table --fix -->", "<!-- end of classifiers -->"


def table() -> str:
    """Lay out the table as Markdown: a row per classifier."""
    rows = [f"| `{name}` | {what} | `stages/{name}.py` |" for name, what in CLASSIFIERS.items()]
    return "\n".join(["| classifier | what it is | stage |", "|---|---|---|", *rows])


def with_table(page: str) -> str:
    """Replace the table between the two comments of a page.

    Raises:
        ValueError: the page does not have the two comments.
    """
    found = re.search(f"({re.escape(START)}\n).*?(\n{re.escape(END)})", page, re.DOTALL)
    if not found:
        raise ValueError(f"there is no place for the table between {START} and {END}")
    return page[: found.end(1)] + table() + page[found.start(2) :]


def main() -> None:
    """Fix or check the page in the current folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--fix", action="store_true", help="write the table")
    mode.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    updated = with_table(page)
    if updated == page:
        return
    if arguments.check:
        sys.exit(f"{PAGE}: the table of classifiers is out of date; run `python -m tools.classifier_table --fix`")
    PAGE.write_text(updated, encoding="utf-8")
    print(f"{PAGE}: updated")


if __name__ == "__main__":
    main()
