"""A table gives images their labels."""

from pathlib import Path

import pytest
from conftest import encoded, write_tree
from image_archives import prepared, zip_tree

from eurosat_transfer.data.builders.folder import find_images
from eurosat_transfer.data.builders.labels_table import find_table
from eurosat_transfer.errors import UserError


@pytest.fixture
def flat(tmp_path):
    """Write four images and their table into one folder."""
    (tmp_path / "flat").mkdir()
    for number in range(4):
        (tmp_path / f"flat/{number}.png").write_bytes(encoded((60 * number, 9, 9), "PNG"))
    (tmp_path / "flat/labels.csv").write_text("file,label\n0.png,River\n1.png,Forest\n2.png,River\n3.png,Forest\n")
    return tmp_path / "flat"


def labels(path):
    return {name: image.label for name, image in find_images(path).items()}


EXPECTED = {"0.png": "River", "1.png": "Forest", "2.png": "River", "3.png": "Forest"}


@pytest.mark.parametrize("packed", [False, True])
def test_a_table_beside_flat_images_gives_their_classes(flat, tmp_path, packed):
    path = zip_tree(flat, tmp_path / "flat.zip") if packed else flat
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(path))
    assert dataset.classes == ["Forest", "River"]
    assert {tile.file: dataset.classes[tile.label] for tile in dataset} == EXPECTED


def test_a_zip_may_hold_everything_in_one_folder(flat, tmp_path):
    path = zip_tree(flat, tmp_path / "flat.zip", "top/")
    assert labels(path) == {f"top/{name}": label for name, label in EXPECTED.items()}


def test_the_table_decides_if_there_are_folders_too(tmp_path, capsys):
    tree = write_tree(tmp_path / "mine", images=2)
    rows = ["class_0/0.jpg,b", "class_0/1.jpg,a", "class_1/0.jpg,a", "./class_1/1.jpg,class_0"]
    (tree / "labels.csv").write_text("\n".join(["file,label", *rows]))
    assert labels(tree) == {
        "class_0/0.jpg": "b", "class_0/1.jpg": "a", "class_1/0.jpg": "a", "class_1/1.jpg": "class_0",
    }  # fmt: skip
    assert capsys.readouterr().out == (
        f"{tree}: the labels of 4 images come from labels.csv; the names of folders are not used\n"
    )


def test_a_table_in_a_class_folder_is_an_ordinary_file(tmp_path, capsys):
    tree = write_tree(tmp_path / "mine", images=1)
    (tree / "class_0/labels.csv").write_text("file,label\n0.jpg,River\n")
    assert labels(tree) == {"class_0/0.jpg": "class_0", "class_1/0.jpg": "class_1"}
    assert "1 other files are ignored" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "\ufefffile,label\r\n0.png,River\r\n1.png,Forest\r\n2.png,River\r\n3.png,Forest\r\n",
        "id,label,file\n7,River,0.png\n8,Forest,1.png\n9,River,2.png\n10,Forest,3.png",
        'file,label\n"0.png","River"\n\n1.png,Forest\n2.png,River\n3.png,Forest\n',
    ],
    ids=["Excel", "further columns", "quotes and empty lines"],
)
def test_usual_ways_to_write_the_table_are_read(flat, content):
    (flat / "labels.csv").write_bytes(content.encode())
    assert labels(flat) == EXPECTED


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["labels.csv", "top/labels.csv"], "labels.csv"),
        (["top/labels.csv", "top/1.jpg", "__MACOSX/top/._1.jpg", ".DS_Store"], "top/labels.csv"),
        (["top/labels.csv", "other/1.jpg"], None),
        (["top/below/labels.csv", "top/1.jpg"], None),
        (["__MACOSX/labels.csv"], None),
        (["Labels.csv", "labels.csv.txt"], None),
        ([], None),
    ],
)
def test_the_table_is_in_the_outermost_folder_or_in_the_only_one_there(names, expected):
    assert find_table(names) == expected


ROWS = "0.png,River\n1.png,Forest\n2.png,River\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"file,label\n{ROWS}3.png,Forest\n4.png,Forest\n", "row 5 has the file '4.png', which is not a JPEG, PNG or"),
        (f"file,label\n{ROWS}3.PNG,Forest\n", "row 4 has the file '3.PNG', which is not"),
        (f"file,label\n{ROWS}../flat/3.png,Forest\n", "row 4 has the file '../flat/3.png', which is not"),
        (f"file,label\n{ROWS}/etc/passwd,Forest\n", "row 4 has the file '/etc/passwd', which is not"),
        (f"file,label\n{ROWS}0.png,River\n", "row 4 has the file '0.png' again; needed: one row for each image"),
        (f"file,label\n{ROWS}3.png,\n", "row 4 has no label for '3.png'"),
        (f"file,label\n{ROWS}3.png, Forest\n", "row 4: the label ' Forest' begins or ends with a space"),
        (
            f'file,label\n{ROWS}3.png,"a\nb"\n',
            r"row 4: the label 'a\\nb' begins or ends with a space, or has a char",
        ),
        (f"name,label\n{ROWS}", r"needs each of the columns file, label once, separated by commas; found 'name,label'"),
        (f"file,class\n{ROWS}", r"needs .*; found 'file,class'; rename the file if it is not the table of labels"),
        ("file;label\n0.png;River\n", "needs each of the columns .*; found 'file;label'"),
        ("file,label,label\n0.png,a,b\n", "needs each of the columns .* once"),
        ("", "needs each of the columns file, label once, separated by commas; found ''"),
        ("file,label\n0.png,a,b\n", "is not a valid CSV file: row 1 is not as long as the header"),
        ('file,label\n0.png,"a\n', "is not a valid CSV file: "),
        (
            "file,label\n" + "".join(f"{n}.png,River\n" for n in range(4)),
            "has these labels: River; needed: two or more",
        ),
        (b"file,label\n0.png,\xff\n", "is not valid UTF-8: .*; save it as CSV in UTF-8"),
        (b"\xff\xfef\0i\0l\0e\0", "is not valid UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(flat, tmp_path, content, message):
    (flat / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    for path in (flat, zip_tree(flat, tmp_path / "flat.zip")):
        with pytest.raises(UserError, match=rf"{Path(path).name}: labels\.csv:? {message}") as refusal:
            find_images(path)
        assert "\n" not in str(refusal.value)


def test_images_without_a_row_have_no_label_and_damaged_ones_are_left_out(flat, tmp_path, capsys):
    (flat / "labels.csv").write_text(f"file,label\n{ROWS}5.png,Forest\n")
    (flat / "5.png").write_bytes(encoded((7, 9, 9), "PNG"))
    (flat / "4.png").write_text("no image")
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(flat))
    found = {tile.file: dataset.classes[tile.label] if tile.label >= 0 else None for tile in dataset}
    assert found == EXPECTED | {"3.png": None, "5.png": "Forest"}
    printed = capsys.readouterr().out
    assert (
        f"{flat}: 2 images have no row in labels.csv, so no label; `python -m eurosat_transfer suggest` chooses which "
        "of them to label next\n"
    ) in printed
    assert "left out, because they have no label: 4.png is not a readable image" in printed


def test_a_class_with_one_label_waits_for_the_second(flat, capsys):
    for number in (4, 5):
        (flat / f"{number}.png").write_bytes(encoded((9, 9, number), "PNG"))
    rows = "0.png,River\n1.png,River\n2.png,Lake\n3.png,Lake\n4.png,Sea\n"
    (flat / "labels.csv").write_text(f"file,label\n{rows}")
    expected = {"0.png": "River", "1.png": "River", "2.png": "Lake", "3.png": "Lake", "4.png": None, "5.png": None}
    assert labels(flat) == expected
    assert "these classes have one label, and are left out until they have two: 'Sea';" in capsys.readouterr().out


def test_a_flat_folder_without_a_table_is_refused_with_both_ways(flat):
    (flat / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"4 JPEG, .* or more class folders, .*, or the table labels\.csv"):
        find_images(flat)
