import unicodedata

from eurosat_transfer.data.labelling_folder import open_labelling_folder
from eurosat_transfer.data.other_columns import OtherColumns, read_other_columns
from eurosat_transfer.data.rendering import Rendering

E_ACUTE = "é.png"


def test_columns_are_found_whatever_the_form_of_an_accent():
    decomposed = unicodedata.normalize("NFD", E_ACUTE)
    assert decomposed != E_ACUTE
    table = '\ufeffscene,label,file,"x, y"\nS1,River,' + decomposed + ',1\nS2,Lake,b.png,"2, 3"\n'
    found = read_other_columns(table.encode(), "labels.csv", [E_ACUTE, "c.png"])
    assert found == OtherColumns(["scene", "x, y"], {E_ACUTE: ["S1", "1"]})


def test_a_folder_to_label_has_the_columns_of_its_table(tmp_path):
    (tmp_path / "tiles").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"tiles/{name}.png").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("file,label,scene\ntiles/a.png,River,S1\n", encoding="utf-8")
    found = open_labelling_folder(tmp_path, Rendering())
    assert found.other_columns == OtherColumns(["scene"], {"tiles/a.png": ["S1"]})
