"""Make a page on which one confirms or corrects the labels that look wrong.

The stage suspects has ranked the training tiles by the probability of their label, most suspicious
first. The command shows those that are flagged, or the first N.

  suspects.html  the tiles. Keep or correct each label, and save labels.csv
  suspects.csv   their rows of plots/suspects.csv

With data.name=folder, put labels.csv in the folder of the images. docs/suspects.md has the other
cases.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from eurosat_transfer.errors import UserError

PAGE, TABLE, RANKING = Path("suspects.html"), Path("suspects.csv"), Path("plots/suspects.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("count", type=int, nargs="?", metavar="N", help="number of tiles (all that are flagged)")


def run(arguments: argparse.Namespace) -> None:
    """Write the page and the list.

    Raises:
        UserError: the number cannot be used, there is no ranking of the present parameters, or there are no images.
    """
    from eurosat_transfer.data.corrected_labels import open_label_table
    from eurosat_transfer.data.index import read_index
    from eurosat_transfer.data.selection import open_selection
    from eurosat_transfer.io.csv_files import read_csv, write_csv
    from eurosat_transfer.io.json_files import read_json
    from eurosat_transfer.parameters.data import Data
    from eurosat_transfer.parameters.extract import Extract
    from eurosat_transfer.parameters.loading import load_parameters
    from eurosat_transfer.pipeline.freshness import outdated_outputs
    from eurosat_transfer.reporting.contact_sheet import SheetTile, write_contact_sheet
    from eurosat_transfer.reporting.suspects import DRAWN, describe_suspects

    if arguments.count is not None and arguments.count < 1:
        raise UserError(f"N is {arguments.count}; allowed: 1 or more")
    params = load_parameters()
    if params.section(Extract).features is not None:
        raise UserError(f"extract.features has no images to show; {RANKING} has the list of the stage suspects")
    reason = f"{RANKING} does not exist" if not RANKING.exists() else outdated_outputs([RANKING]).get(RANKING)
    if reason:
        raise UserError(f"there is no ranking of the present data ({reason}); run `dvc repro suspects` first")
    ranking = read_csv(RANKING)
    flagged = [row for row in ranking if row["flagged"] == "yes"]
    chosen = flagged if arguments.count is None else ranking[: arguments.count]
    if not chosen:
        raise UserError(f"none of the {len(ranking)} labels is flagged; `suspects 24` shows the first 24 all the same")

    data, (dataset, selection), index = params.section(Data), open_selection(), read_index()
    table = open_label_table(data, index)
    places = dict(zip(selection.files["train"], selection.indices["train"], strict=True))
    # Labels that somebody has corrected since the ranking are newer than it, and stay.
    rows = [row for row in chosen if table.labels.get(table.names[row["file"]]) == row["given"]]
    if not rows:
        raise UserError(
            f"all {len(chosen)} labels have changed since the ranking; run `dvc repro -f -s download` and `dvc repro`"
        )
    tiles = [
        SheetTile(
            table.names[row["file"]],
            dataset[int(places[row["file"]])].image,
            row["given"],
            row["suggested"],
            _note(row),
        )
        for row in rows
    ]
    classes = sorted({*index.classes, *table.labels.values()})
    about = describe_suspects(read_json("metrics/suspects.json"), data.name == DRAWN)
    write_csv(TABLE, list(rows[0]), [list(row.values()) for row in rows])
    about = [*about, table.advice]
    write_contact_sheet(PAGE, tiles, classes, "Labels that look wrong", table.labels, about, table.other_columns)
    print(f"{len(tiles)} of {len(ranking)} training tiles: open {PAGE} in a browser; the list is {TABLE}")
    if len(rows) < len(chosen):
        print(f"{len(chosen) - len(rows)} labels have changed since the ranking, and are left out")


def _note(row: Mapping[str, str]) -> str:
    """Say what the cross-validated classifier believes."""
    given, suggested = (float(row[f"probability_{name}"]) for name in ("given", "suggested"))
    return f"probability of {row['given']} {given:.3f}, of {row['suggested']} {suggested:.3f}"
