"""Tables of results, which are printed and written as JSON and Markdown."""

import os
import platform
import textwrap
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.json_files import write_json

WIDTH = 100  # of what is printed, in characters
PACKAGES = ("tensorflow", "keras", "openvino", "numpy", "scikit-learn", "dvc")


@dataclass
class Table:
    """A table with the question that it answers.

    Attributes:
        question: the title.
        columns: the keys of a row that are shown; a row can have more keys, which are written to the JSON file only.
        rows: cells by column.
        notes: sentences that explain the table.
    """

    question: str
    columns: list[str]
    rows: list[dict]
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Format the table for a terminal."""
        return "\n".join(
            [self.question, "", self._format("simple"), "", *(textwrap.fill(note, WIDTH) for note in self.notes)]
        )

    def markdown(self) -> str:
        """Format the table as Markdown."""
        return "\n".join([f"## {self.question}", "", self._format("github"), "", *(f"- {n}" for n in self.notes), ""])

    def _format(self, form: str) -> str:
        cells = [[format_cell(row.get(column)) for column in self.columns] for row in self.rows]
        right = ["left"] + ["right"] * (len(self.columns) - 1)
        return tabulate(cells, self.columns, form, disable_numparse=True, colalign=right if cells else None)


def format_cell(value: object) -> str:
    """Format a cell: three digits of a number, and nothing for None."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> dict[str, str]:
    """Describe this machine: its processor, the number of cores, and the versions of the libraries."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = {name: version(name) for name in PACKAGES}
    return {
        "processor": model or platform.machine(),
        "cores": str(cores),
        "Python": platform.python_version(),
    } | versions


def write(folder: Path, part: str, tables: list[Table]) -> None:
    """Write the tables of a part.

    Files:
        <part>.json: the machine and the tables, with all digits of every round.
        <part>.md: the same as Markdown, with three digits.
    """
    on = machine()
    write_json(folder / f"{part}.json", {"machine": on, "tables": [asdict(table) for table in tables]})
    with atomic_write(folder / f"{part}.md") as file:
        described = ", ".join(f"{name} {value}" for name, value in on.items())
        lines = [f"# {part}", "", described, "", *(table.markdown() for table in tables)]
        file.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
