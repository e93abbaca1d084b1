"""MD5 sums as DVC computes them."""

import hashlib
import json

from eurosat_transfer.io.hashing import md5


def test_a_file_has_the_md5_of_its_content(tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    assert md5(tmp_path / "x") == hashlib.md5(b"content").hexdigest()


def test_a_folder_has_the_md5_of_the_list_of_its_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/2").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "empty").mkdir()
    listed = [
        {"md5": hashlib.md5(b"one").hexdigest(), "relpath": "a"},
        {"md5": hashlib.md5(b"two").hexdigest(), "relpath": "b/2"},
    ]
    assert md5(tmp_path) == hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"
    (tmp_path / "a").rename(tmp_path / "c")
    assert md5(tmp_path) != hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"


def test_compiled_modules_do_not_count(tmp_path):
    (tmp_path / "module.py").write_bytes(b"x = 1")
    before = md5(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/module.cpython-311.pyc").write_bytes(b"compiled")
    assert md5(tmp_path) == before
