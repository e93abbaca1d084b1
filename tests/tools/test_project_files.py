"""Checks the files that describe the project to people and to other programs."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
HOOKS = YAML(typ="safe").load(REPOSITORY / ".pre-commit-config.yaml")["repos"][0]["hooks"]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]


def find_program(name):
    """Returns the path of a program, which may lie beside Python without being on PATH, or None."""
    return shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)


def run(name, *arguments):
    """Runs a development tool in the repository and returns the finished process."""
    program = find_program(name)
    assert program, f"{name} is missing: pip install -r requirements-dev.lock"
    return subprocess.run([program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_citation_is_valid():
    result = run("check-jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff")
    assert result.returncode == 0, result.stdout


def test_citation_changelog_and_package_have_the_same_version():
    citation = YAML(typ="safe").load(REPOSITORY / "CITATION.cff")
    newest = re.search(r"^## (\S+) - (\S+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert citation["version"] == newest[1] == VERSION
    assert citation["date-released"] == newest[2]


def test_pre_commit_accepts_its_configuration():
    result = run("pre-commit", "validate-config", ".pre-commit-config.yaml")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_program_of_every_hook_is_installed(hook):
    program, *arguments = shlex.split(hook["entry"])
    assert find_program(program), f"{program} is missing: pip install -r requirements-dev.lock"
    if arguments[:1] == ["-m"]:
        assert (REPOSITORY / f"{arguments[1].replace('.', '/')}.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_files_that_the_pages_link_to_exist(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
