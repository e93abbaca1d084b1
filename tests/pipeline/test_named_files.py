"""The user's files are not in the place of an output, where DVC would delete them."""

import shutil
from pathlib import Path

import pytest
from conftest import dvc, make_clone, write_tree

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.pipeline.named_files import check_is_no_output


@pytest.mark.slow
def test_tiles_in_data_dataset_are_used_and_stay(tmp_path):
    """Users keep their tiles in data/dataset. DVC deletes what is in the place of an output."""
    make_clone(tmp_path)
    tree = write_tree(tmp_path / "data/dataset/été (1), a=b", images=4)
    files = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.jpg"))
    path = tree.relative_to(tmp_path)
    dvc(tmp_path, "exp", "run", "-S", "data.name=folder", "-S", f'data.path="{path}"', "download")
    assert sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.jpg")) == files
    assert sorted(row["file"] for row in read_csv(tmp_path / "data/index.csv")) == files


@pytest.fixture
def here(world):
    """An empty folder with dvc.yaml, a folder `tiles`, and a link to an output."""
    folder = world()
    write_tree(folder / "tiles", images=1)
    write_tree(folder / "data/array_records/mine", images=1)
    (folder / "link").symlink_to("data/array_records/mine")
    return folder


@pytest.mark.parametrize("path", ["tiles", "./tiles/class_0", "data/tiles", "data/features.zip", "/nowhere", "modelx"])
def test_other_places_are_allowed(here, path):
    check_is_no_output("data.path", path)
    check_is_no_output("data.path", str((here / path).absolute()))


@pytest.mark.parametrize("text", [None, "https://localhost/data/array_records/x.zip", "HTTP://localhost/model"])
@pytest.mark.usefixtures("here")
def test_addresses_are_allowed(text):
    check_is_no_output("data.url", text)


@pytest.mark.parametrize(
    ("path", "output", "stage"),
    [
        ("data/array_records", "data/array_records", "download"),
        ("./data/../data/array_records/", "data/array_records", "download"),
        ("data/array_records/mine/class_0", "data/array_records", "download"),
        ("link", "data/array_records", "download"),
        ("link/class_0", "data/array_records", "download"),
        ("model/model.onnx", "model/model.onnx", "model"),
        ("map/classes.tif", "map", "map"),
        ("report/report.html", "report/report.html", "report"),
        ("data/backbone/backbone.weights.h5", "data/backbone", "backbone"),
        ("data/features.npz", "data/features.npz", "extract"),
    ],
)
def test_places_of_outputs_are_refused(here, path, output, stage):
    message = f"^data.path: '.*' is in the place of {output}, an output of the stage {stage};"
    for text in (path, str(here / path), (here / path).as_uri()):
        with pytest.raises(UserError, match=message):
            check_is_no_output("data.path", text)


@pytest.mark.parametrize("path", [".", "data", "./tiles/.."])
@pytest.mark.usefixtures("here")
def test_folders_of_outputs_are_refused(path):
    with pytest.raises(UserError, match=r"^data\.path: '.*' contains .*, an output of the stage \w+; name a"):
        check_is_no_output("data.path", path)


def test_a_temporary_workspace_refuses_the_outputs_of_the_working_tree(here, monkeypatch):
    workspace = here / ".dvc/tmp/exps/tmpabc"
    (workspace / ".dvc").mkdir(parents=True)
    shutil.copy(here / "dvc.yaml", workspace)
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("DVC_ROOT", str(here))
    check_is_no_output("data.path", str(here / "tiles"))
    with pytest.raises(UserError, match="is in the place of data/array_records"):
        check_is_no_output("data.path", str(here / "data/array_records/mine"))


def test_the_stage_download_refuses_the_place_of_its_output(world):
    from stages import download

    folder = world(**{"data.name": "folder", "data.path": "data/array_records"})
    write_tree(folder / "data/array_records", images=1)
    with pytest.raises(UserError, match=r"data\.path: 'data/array_records' is in the place of data/array_records"):
        download.main()
    assert len(list(Path("data/array_records").rglob("*.jpg"))) == 2
