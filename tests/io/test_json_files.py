"""JSON files that hold one object."""

import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.json_files import read_json, write_json


def test_an_object_comes_back_unrounded(tmp_path):
    content = {"accuracy": 0.1 + 0.2, "name": "Forêt", "list": [1, None, True]}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content


def test_the_text_is_indented_and_ends_with_a_newline(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    assert (tmp_path / "x.json").read_bytes() == b'{\n  "a": 1\n}\n'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_not_written(tmp_path, number):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": number})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 10**6])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json is not valid JSON: ."):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(("content", "kind"), [(b"[1]", "list"), (b"3", "int"), (b"null", "NoneType")])
def test_a_file_without_an_object_is_refused(tmp_path, content, kind):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"x\.json holds a JSON {kind}; allowed: an object"):
        read_json(tmp_path / "x.json")


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "x.json")
