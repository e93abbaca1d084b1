"""The same bytes on every machine, without a network: dvc.lock holds a checksum of every output."""

import shutil
import socketserver
import sys
import threading

import pytest
from conftest import REPOSITORY, dvc, run, stages_run
from hostile_home import write_hostile_home
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow

# Python imports sitecustomize when it starts. This one logs the names and addresses that Python code looks up or
# connects to, also without a proxy.
SITECUSTOMIZE = """
import sys

def log(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        where = arguments[0] if event in ("socket.getaddrinfo", "socket.gethostbyname") else arguments[1]
        if isinstance(where, tuple) or event.startswith("socket.get"):  # the address of a Unix socket is a text
            with open({path!r}, "a") as file:
                print(event, where, *sys.orig_argv, file=file)

sys.addaudithook(log)
"""


@pytest.fixture
def connections(tmp_path):
    """Start a proxy that logs every request and answers none.

    Returns:
        The variables of a process that uses it, and a function that lists what the process has tried to reach.
    """
    requests, log = [], tmp_path / "connections.log"

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self):
            requests.append(self.rfile.readline().decode(errors="replace"))

    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(SITECUSTOMIZE.format(path=str(log)))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        variables = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), address)
        variables |= {name.lower(): address for name in variables} | {"NO_PROXY": "", "no_proxy": ""}
        # Some libraries report nothing from machines that run tests.
        variables |= {"PYTHONPATH": str(hook), "CI": "", "TF_BUILD": "", "JENKINS_URL": ""}
        yield variables, lambda: requests + (log.read_text().splitlines() if log.exists() else [])
        server.shutdown()


def test_the_log_sees_connections(connections, tmp_path):
    variables, reached = connections
    ask = "import urllib.request; urllib.request.urlopen('http://example.invalid/hello', timeout=10)"
    assert run(sys.executable, "-c", ask, cwd=tmp_path, **variables).returncode == 1
    assert any("http://example.invalid/hello" in line for line in reached())
    assert any("socket.connect ('127.0.0.1'" in line for line in reached())


def test_a_forced_run_in_another_environment_computes_the_same_bytes_without_a_network(
    reproduced, connections, tmp_path
):
    folder, home = tmp_path / "a clone under another, longer path", tmp_path / "home"
    variables, reached = connections
    reproduced.rename(folder)
    one_core = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    result = run(*one_core, "dvc", "repro", "-f", cwd=folder, **write_hostile_home(home), **variables)
    assert result.returncode == 0, result.stderr
    assert stages_run(result.stdout) == stages_run((folder / "first-repro.log").read_text())
    assert run("git", "status", "--short", cwd=folder).stdout == ""  # dvc.lock and the metrics in Git are unchanged
    assert reached() == []
    assert not (home / "intel").exists()  # where OpenVINO keeps the identifier for its telemetry


def outputs(stages: tuple[str, ...], folder) -> dict[str, list]:
    lock = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    return {name: lock[name]["outs"] for name in stages}


def test_cheap_stages_of_the_default_compute_the_committed_bits(tmp_path):
    """These stages compute the same on every type of processor."""
    folder, stages = tmp_path / "clone", ("download", "split", "tsne", "knn", "compare")
    left_out = ("tests/", "docs/")
    for name in run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines():
        if not name.startswith(left_out):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    assert run("git", "init", "-q", cwd=folder).returncode == 0
    committed = outputs(stages, folder)
    dvc(folder, "pull")
    result = run("dvc", "repro", "-f", "-s", *stages, cwd=folder, **write_hostile_home(tmp_path / "home"))
    assert result.returncode == 0, result.stderr
    assert stages_run(result.stdout) == set(stages)
    assert outputs(stages, folder) == committed
