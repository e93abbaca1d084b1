"""Every injected fault fits the code, and a test must notice it."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from conftest import REPOSITORY

from tools.faults import FAULTS, Fault
from tools.inject_faults import InjectionError, inject, survivors


def test_names_of_faults_are_unique():
    assert [name for name, times in Counter(fault.name for fault in FAULTS).items() if times > 1] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_still_fits_the_code_and_its_tests(fault):
    assert (REPOSITORY / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert fault.new != fault.old
    assert fault.tests
    for test in fault.tests:
        file, _, function = test.partition("::")
        assert f"def {function}(" in (REPOSITORY / file).read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path) -> Path:
    """Make a repository with a function, a test that knows it and a test that does not."""
    for name, content in {
        "library.py": "def add(a, b):\n    return a + b\n",
        "test_add.py": "from library import add\n\n\ndef test_add():\n    assert add(2, 1) == 3\n",
        "test_weak.py": "from library import add\n\n\ndef test_weak():\n    assert add(2, 2) == 4\n",
        "test_broken.py": "def test_broken():\n    assert False\n",
    }.items():
        (tmp_path / name).write_text(content)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def product(*tests: str, old: str = "a + b", new: str = "a * b") -> Fault:
    return Fault("product", "library.py", old, new, tests)


@pytest.mark.slow
def test_fault_is_killed_by_a_test_that_fails_and_survives_others(repository, capsys):
    noticed, missed = product("test_add.py"), product("test_weak.py")
    assert survivors([noticed, missed], repository) == [missed]
    assert "1/2 killed: product\n2/2 SURVIVED: product\n" in capsys.readouterr().out
    assert (repository / "library.py").read_text() == "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(("old", "new"), [("a - b", "a * b"), ("a", "c"), ("a + b", "a + b")])
def test_fault_that_does_not_fit_the_code_is_an_error(repository, old, new):
    with pytest.raises(InjectionError, match=r"product: library\.py contains the old text \d times; allowed: once"):
        inject(product("test_add.py", old=old, new=new), repository)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "message"),
    [("test_broken.py", "a test fails without a fault, too"), ("test_none.py", "the tests cannot run")],
)
def test_tests_must_run_and_pass_without_the_fault(repository, test, message):
    with pytest.raises(InjectionError, match=message):
        survivors([product(test)], repository)


@pytest.mark.slow
def test_fault_that_breaks_the_import_is_an_error(repository):
    with pytest.raises(InjectionError, match="the tests cannot run"):
        survivors([product("test_add.py", new="a +")], repository)
