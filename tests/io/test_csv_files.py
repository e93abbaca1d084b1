"""CSV files with a header."""

import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv


def test_rows_come_back_unrounded_and_quoted(tmp_path):
    rows = [(1, 0.1 + 0.2, 'a "b", c'), (2, 1e-300, "two\nlines")]
    write_csv(tmp_path / "x.csv", ("number", "share", "name"), rows)
    read = read_csv(tmp_path / "x.csv")
    assert [(int(row["number"]), float(row["share"]), row["name"]) for row in read] == rows
    assert (tmp_path / "x.csv").read_bytes().startswith(b'number,share,name\n1,0.30000000000000004,"a ""b"", c"\n')


def test_names_in_any_script_are_written_as_utf_8(tmp_path):
    write_csv(tmp_path / "x.csv", ("class",), [("Forêt",), ("森林",)])
    assert (tmp_path / "x.csv").read_bytes() == "class\nForêt\n森林\n".encode()
    assert read_csv(tmp_path / "x.csv") == [{"class": "Forêt"}, {"class": "森林"}]


def test_csv_with_only_a_header_has_no_rows(tmp_path):
    write_csv(tmp_path / "x.csv", ("a", "b"), [])
    assert read_csv(tmp_path / "x.csv") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "row 2 is not as long as the header"),
        (b"a,b\n1,2,3\n", "row 1 is not as long as the header"),
        (b'a,b\n1,"2\n', "not a valid CSV file"),
        (b"\xff\xfe", "not a valid CSV file"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=message) as refusal:
        read_csv(tmp_path / "x.csv")
    assert str(tmp_path / "x.csv") in str(refusal.value)
    assert "\n" not in str(refusal.value)
