"""Checks the GitHub workflows: with actionlint, and by running their shell steps in a small repository.

GitHub itself is replaced as follows. The steps of a job run in order, in bash with the options that GitHub uses.
Actions (`uses:`) are skipped, except that artifacts are copied from the job that uploads them to the job that downloads
them. `gh` and `pip` are programs that only record how they were called.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
SCRIPTS = sorted((REPOSITORY / ".github/scripts").glob("*.sh"))
PYTHON_BIN = Path(sys.executable).parent

# What GitHub would put in place of the expressions in `env:`. A test that meets another expression fails.
EXPRESSIONS = {
    "${{ github.repository }}": "owner/repository",
    "${{ github.token }}": "secret-token",
    "${{ github.event.pull_request.number }}": "7",
}


def read_workflow(name):
    """Reads a workflow as YAML 1.2, in which the key `on` is a string."""
    return YAML(typ="safe").load(REPOSITORY / ".github/workflows" / name)


def jobs_of(path):
    """Returns the jobs of a workflow file by name."""
    return read_workflow(path.name)["jobs"]


def steps_of(path):
    """Returns the steps of all jobs of a workflow file."""
    return [step for job in jobs_of(path).values() for step in job["steps"]]


def find_program(name):
    """Returns the path of a development tool, which may lie beside Python without being on PATH."""
    program = shutil.which(name, path=f"{PYTHON_BIN}{os.pathsep}{os.environ['PATH']}")
    assert program, f"{name} is missing: pip install -r requirements-dev.lock"
    return program


def write_program(path, text):
    """Writes an executable file."""
    path.write_text(textwrap.dedent(text).lstrip())
    path.chmod(0o755)


def run(*command, cwd, **environment):
    """Runs a command, which must succeed, and returns what it printed."""
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True, check=False, timeout=120
    )
    assert result.returncode == 0, f"{command} failed:\n{result.stdout}\n{result.stderr}"
    return result.stdout


class Runner:
    """Runs the jobs of a workflow as GitHub does.

    Args:
        folder: An empty folder for the programs, the artifacts and the summary.
        environment: The variables that GitHub sets for every step.
    """

    def __init__(self, folder, **environment):
        self.log = ""  # what the steps printed
        self.calls_file = folder / "calls.jsonl"
        self.summary_file = folder / "summary.md"
        self.artifacts = folder / "artifacts"
        programs = folder / "programs"
        programs.mkdir(parents=True)
        for name in ("gh", "pip"):
            write_program(
                programs / name,
                f"""
                #!{sys.executable}
                import json, os, sys
                if "--body-file" in sys.argv:
                    sys.argv.append(open(sys.argv[sys.argv.index("--body-file") + 1]).read())
                environment = {{name: os.environ.get(name) for name in ("GH_TOKEN", "GH_REPO")}}
                with open({str(self.calls_file)!r}, "a") as file:
                    print(json.dumps(["{name}", sys.argv[1:], environment]), file=file)
                """,
            )
        self.environment = {
            **environment,
            "CI": "true",
            "GITHUB_STEP_SUMMARY": str(self.summary_file),
            "PATH": f"{programs}{os.pathsep}{PYTHON_BIN}{os.pathsep}{os.environ['PATH']}",
        }

    def run_job(self, job, folder):
        """Runs the steps of a job in a folder."""
        for step in job["steps"]:
            action = step.get("uses", "").partition("@")[0]
            if action == "actions/upload-artifact":
                self._upload(step["with"], folder)
            elif action == "actions/download-artifact":
                shutil.copytree(self.artifacts / step["with"]["name"], folder, dirs_exist_ok=True)
            elif "run" in step:
                self._run_step(step, folder)

    def calls(self, program):
        """Returns the arguments and the environment of each call of `gh` or `pip`."""
        calls = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [call[1:] for call in calls if call[0] == program]

    def _run_step(self, step, folder):
        environment = {name: EXPRESSIONS.get(value, value) for name, value in step.get("env", {}).items()}
        assert not any("${{" in value for value in environment.values())
        script = self.summary_file.with_name("step.sh")
        script.write_text(step["run"])
        # https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
        self.log += run(*command, cwd=folder, **self.environment, **environment)

    def _upload(self, options, folder):
        for line in options["path"].split():
            source, target = folder / line, self.artifacts / options["name"] / line
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)


@pytest.fixture
def pull_request(tmp_path):
    """A clone of a pull request that changes a metric and the title of the report.

    The author ran the stage `score` and replaced the base branch's results in the bundle by new ones. The author did
    not run the stage `report`.
    """
    author = tmp_path / "author"
    run("git", "init", "-q", "--bare", "-b", "main", tmp_path / "origin.git", cwd=tmp_path)
    run("git", "clone", "-q", tmp_path / "origin.git", author, cwd=tmp_path)
    run("git", "config", "user.name", "Ada", cwd=author)
    run("git", "config", "user.email", "ada@example.org", cwd=author)
    run("git", "checkout", "-q", "-B", "main", cwd=author)
    shutil.copytree(REPOSITORY / ".github/scripts", author / ".github/scripts")
    (author / ".dvc").mkdir()
    shutil.copy(REPOSITORY / ".dvc/config", author / ".dvc/config")  # The remote is bundle/, as in this repository.
    (author / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (author / "params.yaml").write_text("score: 0.5\ntitle: Old title\n")
    (author / "stage.py").write_text(
        textwrap.dedent("""
        import json, pathlib, sys
        score, title = (line.split(": ")[1] for line in open("params.yaml").read().splitlines())
        output = pathlib.Path(sys.argv[1])
        output.parent.mkdir(exist_ok=True)
        if output.suffix == ".json":
            output.write_text(json.dumps({"accuracy": float(score)}))
        else:
            output.write_text(f"# {title}\\n\\nMeasured: {json.load(open('metrics/score.json'))['accuracy']}\\n")
        """)
    )
    (author / "dvc.yaml").write_text(
        textwrap.dedent("""
        stages:
          score:
            cmd: python stage.py metrics/score.json
            params: [score]
            metrics: [metrics/score.json]
          report:
            cmd: python stage.py report/report.md
            params: [title]
            deps: [metrics/score.json]
            outs: [report/report.md]
        """)
    )
    path = f"{PYTHON_BIN}{os.pathsep}{os.environ['PATH']}"

    def publish(branch, *stages):
        run("dvc", "repro", "-q", *stages, cwd=author, PATH=path)
        run("dvc", "push", "-q", *stages, cwd=author, PATH=path)
        run("git", "add", "-A", cwd=author)
        run("git", "commit", "-qm", branch, cwd=author)
        run("git", "push", "-q", "origin", branch, cwd=author)

    publish("main")
    run("git", "checkout", "-q", "-b", "change", cwd=author)
    (author / "params.yaml").write_text("score: 0.75\ntitle: New title\n")
    shutil.rmtree(author / "bundle")
    publish("change", "score")
    run("git", "clone", "-q", "--branch", "change", tmp_path / "origin.git", tmp_path / "clone", cwd=tmp_path)
    return tmp_path / "clone"


def test_actionlint_accepts_the_workflows():
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "pull-request.yml"}
    run(find_program("actionlint"), "-shellcheck", find_program("shellcheck"), *WORKFLOWS, cwd=REPOSITORY)


def test_actionlint_checks_the_shell_code_too(tmp_path):
    """Without ShellCheck, actionlint skips the shell code without a message."""
    broken = (REPOSITORY / ".github/workflows/ci.yml").read_text().replace("run: .ci/run", "run: cp $1 copy")
    (tmp_path / "ci.yml").write_text(broken)
    command = [find_program("actionlint"), "-shellcheck", find_program("shellcheck"), tmp_path / "ci.yml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "SC2086" in result.stdout


def test_shellcheck_accepts_the_scripts():
    assert SCRIPTS
    run(find_program("shellcheck"), "--exclude=SC1091", *SCRIPTS, REPOSITORY / ".ci/run", cwd=REPOSITORY)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_is_part_of_shell_code(path):
    """GitHub replaces expressions before the shell starts, so a branch's name could become code."""
    assert not [step["run"] for step in steps_of(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(path):
    actions = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert actions
    assert [action for action in actions if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_checkouts_do_not_keep_the_token(path):
    checkouts = [step for step in steps_of(path) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_has_a_time_limit(path):
    assert all(job["timeout-minutes"] <= 90 for job in jobs_of(path).values())


def test_ci_runs_on_every_supported_version_of_python():
    pyproject = (REPOSITORY / "pyproject.toml").read_text()
    supported = SpecifierSet(re.search(r'^requires-python = "(.+?)"', pyproject, re.MULTILINE)[1])
    versions = read_workflow("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == [f"3.{minor}" for minor in range(30) if f"3.{minor}" in supported]


def test_ci_cannot_write_to_the_repository():
    workflow = read_workflow("ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["test"]


def test_ci_calls_the_script_that_the_project_uses_everywhere(tmp_path):
    """The script itself runs these tests, so a stand-in takes its place here."""
    assert os.access(REPOSITORY / ".ci/run", os.X_OK)
    (tmp_path / "clone/.ci").mkdir(parents=True)
    write_program(tmp_path / "clone/.ci/run", "#!/usr/bin/env bash\ntouch called\n")
    Runner(tmp_path / "runner").run_job(read_workflow("ci.yml")["jobs"]["test"], tmp_path / "clone")
    assert (tmp_path / "clone/called").exists()


def test_only_the_job_without_code_of_the_pull_request_may_write():
    workflow = read_workflow("pull-request.yml")
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["reproduce"]["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    assert not [step for step in workflow["jobs"]["comment"]["steps"] if "actions/checkout" in step.get("uses", "")]


def test_forks_get_no_comment():
    condition = read_workflow("pull-request.yml")["jobs"]["comment"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


@pytest.mark.slow
def test_pull_request_gets_a_comment_with_metrics_and_report(pull_request, tmp_path):
    jobs = read_workflow("pull-request.yml")["jobs"]
    runner = Runner(tmp_path / "runner", GITHUB_BASE_REF="main")
    runner.run_job(jobs["reproduce"], pull_request)

    summary = runner.summary_file.read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in summary.splitlines() if line.startswith("|")]
    assert rows[0] == ["Path", "Metric", "origin/main", "workspace", "Change"]
    assert rows[2:] == [["metrics/score.json", "accuracy", "0.5", "0.75", "0.25"]]
    assert "# New title\n\nMeasured: 0.75\n" in summary
    assert re.findall("Running stage '(.+)'", runner.log) == ["report"], "the other stage's result was in the bundle"
    assert runner.calls("pip") == [[["install", "-r", "requirements.lock"], {"GH_TOKEN": None, "GH_REPO": None}]]
    assert runner.calls("gh") == [], "the job that runs code of the pull request must not comment"
    assert run("git", "worktree", "list", cwd=pull_request).count("\n") == 1

    (tmp_path / "empty").mkdir()
    runner.run_job(jobs["comment"], tmp_path / "empty")
    (arguments, environment), *others = runner.calls("gh")
    assert others == []
    assert environment == {"GH_TOKEN": "secret-token", "GH_REPO": "owner/repository"}
    assert arguments[:3] == ["pr", "comment", "7"]
    assert {"--edit-last", "--create-if-none"} < set(arguments), "a later push must update the comment"
    assert arguments[-1] == summary
    assert (tmp_path / "empty/report/report.md").read_text() in summary


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "No metric changed."),
        (["| metrics/svm.json | accuracy | 0.5 | 0.6 | 0.1 |"], "| metrics/svm.json | accuracy | 0.5 | 0.6 | 0.1 |"),
    ],
    ids=["no metric", "one metric"],
)
def test_comment_says_whether_a_metric_changed(tmp_path, rows, expected):
    table = ["| Path | Metric | origin/main | workspace | Change |", "|---|---|---|---|---|", *rows, ""]
    write_program(tmp_path / "dvc", f"#!/bin/sh\necho \"$@\" > arguments\nprintf '%s\\n' '{chr(10).join(table)}'\n")
    (tmp_path / "report").mkdir()
    (tmp_path / "report/report.md").write_text("# The report\n")

    script = REPOSITORY / ".github/scripts/write_comment.sh"
    comment = run(script, "origin/main", cwd=tmp_path, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert (tmp_path / "arguments").read_text() == "metrics diff --md origin/main\n"
    assert expected in comment
    assert ("No metric changed." in comment) == (not rows)
    assert comment.endswith("\n# The report\n")


def test_no_comment_is_written_when_the_metrics_cannot_be_compared(tmp_path):
    write_program(tmp_path / "dvc", "#!/bin/sh\nexit 1\n")
    script = REPOSITORY / ".github/scripts/write_comment.sh"
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run([script, "origin/main"], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert result.returncode != 0
    assert result.stdout == b""
