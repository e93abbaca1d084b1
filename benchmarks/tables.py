"""A table a question: printed, and written as JSON (all digits, every round) and Markdown."""

import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from stages.common.files import whole, write_json

PACKAGES = ("tensorflow", "keras", "openvino", "numpy", "scikit-learn", "dvc")


@dataclass
class Table:
    """A question, the answer as rows, and how to read it."""

    question: str
    columns: list[str]  # keys of a row that are shown; a row may have more, for the JSON
    rows: list[dict]
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Lay it out for a terminal."""
        return "\n".join([self.question, "", self._laid_out("simple"), "", *self.notes])

    def markdown(self) -> str:
        """Lay it out as Markdown."""
        return "\n".join([f"## {self.question}", "", self._laid_out("github"), "", *(f"- {n}" for n in self.notes), ""])

    def _laid_out(self, form: str) -> str:
        cells = [[shown(row.get(column)) for column in self.columns] for row in self.rows]
        right = ["left"] + ["right"] * (len(self.columns) - 1)
        return tabulate(cells, self.columns, form, disable_numparse=True, colalign=right if cells else None)


def shown(value: object) -> str:
    """A cell: three digits of a number, nothing for None."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> dict[str, str]:
    """Name what was measured on: processor, cores, versions."""
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
    """Write a part's tables as part.json and part.md."""
    on = machine()
    write_json(folder / f"{part}.json", {"machine": on, "tables": [asdict(table) for table in tables]})
    with whole(folder / f"{part}.md") as file:
        said = ", ".join(f"{name} {value}" for name, value in on.items())
        file.write_text("\n".join([f"# {part}", "", said, "", *(t.markdown() for t in tables)]), encoding="utf-8")
