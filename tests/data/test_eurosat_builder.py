"""EuroSAT's archives and mirrors. tests/eurosat has the real archive."""

import hashlib
from pathlib import Path

import pytest
from image_archives import eurosat_tree, prepared, zip_tree

from eurosat_transfer.data.builders import eurosat
from eurosat_transfer.data.builders.eurosat import fetch_archive
from eurosat_transfer.errors import UserError


@pytest.fixture
def archive(tmp_path):
    """Pack a small EuroSAT into an archive like the original one."""
    return zip_tree(eurosat_tree(tmp_path / "tiles"), tmp_path / "EuroSAT.zip", "2750/")


@pytest.fixture
def mirrors(monkeypatch):
    """Replace the mirrors, with what each one does. Return the list of those that were asked.

    mirrors(a="message of the failure", b=None) -> ["a", ...]
    """

    def replace(**results):
        asked = []

        def fetch_file(source, checksum, parameter):
            asked.append(source)
            assert checksum == f"md5:{source}"
            if results[source]:
                raise UserError(f"{parameter}: {source} {results[source]}")
            return Path(f"{source}.zip")

        monkeypatch.setattr(eurosat, "MIRRORS", tuple((source, f"md5:{source}") for source in results))
        monkeypatch.setattr(eurosat, "fetch_file", fetch_file)
        return asked

    return replace


def test_the_archives_of_both_mirrors_give_the_same_data_set(tmp_path):
    tree = eurosat_tree(tmp_path / "tiles")
    results = []
    for top in ("2750/", "EuroSAT_RGB/"):
        archive = zip_tree(tree, tmp_path / "EuroSAT.zip", top)
        dataset = prepared(tmp_path / "dataset", name="eurosat", url=str(archive))
        results.append({p.name: p.read_bytes() for p in (tmp_path / "dataset").iterdir()})
    assert results[0] == results[1]
    assert {tile.file: tile.image for tile in dataset} == {p.name: p.read_bytes() for p in tree.rglob("*.jpg")}
    assert dataset.classes == ["Forest", "River", "SeaLake"]
    assert "Helber et al." in dataset.description


def test_mirrors_are_tried_in_turn(mirrors, capsys):
    asked = mirrors(a="did not answer", b=None, c=None)
    assert fetch_archive(None, None) == Path("b.zip")
    assert asked == ["a", "b"]
    assert capsys.readouterr().out == "mirror: a did not answer\n"


def test_if_every_mirror_fails_the_message_names_them(mirrors):
    asked = mirrors(a="did not answer", b="has another checksum")
    message = "no mirror has EuroSAT: a did not answer; b has another checksum; set data.url=<address or path>"
    with pytest.raises(UserError, match=message):
        fetch_archive(None, None)
    assert asked == ["a", "b"]


def test_mirrors_are_used_over_https_and_with_a_checksum():
    assert len(eurosat.MIRRORS) == 3
    for url, checksum in eurosat.MIRRORS:
        assert url.startswith("https://")
        algorithm, _, digits = checksum.partition(":")
        assert len(digits) == {"md5": 32, "sha256": 64}[algorithm]


def test_the_archive_in_the_parameters_is_used_instead_of_the_mirrors(archive, mirrors):
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert fetch_archive(str(archive), digest) == archive
    assert fetch_archive(str(archive), None) == archive
    assert mirrors() == []


def test_the_address_in_the_parameters_is_downloaded(archive, serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    path = fetch_archive(f"{serve(tmp_path)}/EuroSAT.zip", digest)
    assert path != archive
    assert path.read_bytes() == archive.read_bytes()


def test_two_files_of_one_name_are_refused(tmp_path):
    tree = eurosat_tree(tmp_path / "tiles")
    (tree / "River/Forest_1.jpg").write_bytes((tree / "River/River_1.jpg").read_bytes())
    archive = zip_tree(tree, tmp_path / "EuroSAT.zip", "2750/")
    message = r"2 images whose file names are not unique: '2750/Forest/Forest_1\.jpg', '2750/River/Forest_1\.jpg'; .*"
    with pytest.raises(UserError, match=rf"{message} data\.name=folder"):
        prepared(tmp_path / "dataset", name="eurosat", url=str(archive))


def test_the_source_may_be_a_file_address(archive):
    assert fetch_archive(archive.as_uri(), None) == archive
    with pytest.raises(UserError, match=r"data\.url: no file 'file:///no/where\.zip'; give a path or an http"):
        fetch_archive("file:///no/where.zip", None)


def test_a_wrong_checksum_is_refused(archive):
    with pytest.raises(UserError, match=r"data\.url: .*EuroSAT\.zip has sha256 [0-9a-f]{64}, expected 0000"):
        fetch_archive(str(archive), "0" * 64)


def test_a_missing_source_is_refused():
    with pytest.raises(UserError, match=r"data\.url: no file 'nowhere\.zip'"):
        fetch_archive("nowhere.zip", None)
