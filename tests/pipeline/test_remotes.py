"""Remotes on real servers of this machine: pushed from one clone, pulled in another."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import dvc, run, stages_run, write_params

pytestmark = pytest.mark.slow
SECRET = "correct-horse-battery"
VARIANTS = {"finetune": {"finetune.lr": 0.01}, "extract": {"backbone.name": "mobilenetv2"}}


def program(name):
    """Find a program, or skip the test."""
    path = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def start(tmp_path, port):
    """Start a server on the port and wait until it answers. It ends with the test."""
    log, running = tmp_path / "server.log", []

    def started(*command):
        with log.open("wb") as output:
            server = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output)
        running.append(server)
        for _ in range(600):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        pytest.fail(f"{command[0]} does not answer: {log.read_text()}")

    yield started
    for server in running:
        server.terminate()
        server.wait(30)


@pytest.fixture(params=["http", "https"])
def nginx(request, tmp_path, start, port):
    """Start a web server that everybody may read and that users with the password may write."""
    binary, tls, certificate = program("nginx"), "", None
    if request.param == "https":
        certificate = tmp_path / "server.pem"
        command = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(
            [*command, "-keyout", f"{certificate}.key", "-out", certificate], check=True, capture_output=True
        )
        tls = f"ssl_certificate {certificate}; ssl_certificate_key {certificate}.key;"
    (tmp_path / "passwords").write_text(f"ada:{{PLAIN}}{SECRET}\n")
    (tmp_path / "served").mkdir()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (tmp_path / "nginx.conf").write_text(f"""
        {"user root;" if os.getuid() == 0 else ""}
        daemon off; worker_processes 1; pid {tmp_path}/nginx.pid; error_log stderr;
        events {{}}
        http {{
            access_log off; {" ".join(f"{kind}_temp_path {tmp_path}/temporary;" for kind in kinds)}
            server {{
                listen 127.0.0.1:{port}{" ssl" if tls else ""}; {tls}
                location / {{
                    root {tmp_path}/served; client_max_body_size 0;
                    dav_methods PUT; create_full_put_path on;
                    limit_except GET HEAD {{ auth_basic lab; auth_basic_user_file {tmp_path}/passwords; }}
                }}
            }}
        }}""")
    start(binary, "-e", "stderr", "-c", tmp_path / "nginx.conf")
    return f"{request.param}://127.0.0.1:{port}/store", certificate


@pytest.fixture
def directory(tmp_path):
    return f"{tmp_path}/store", {}


@pytest.fixture
def s3(start, port):
    """Start an S3-compatible server with a bucket."""
    pytest.importorskip("dvc_s3")
    pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    start(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
    endpoint = f"http://127.0.0.1:{port}"
    keys = {"aws_access_key_id": "ada", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket="lab")
    return "s3://lab/store", {"endpointurl": endpoint, "access_key_id": "ada", "secret_access_key": SECRET}


@pytest.fixture
def ssh(tmp_path, start, port):
    """Start an SSH server to which a new key may log in."""
    binary, keygen = program("sshd"), program("ssh-keygen")
    pytest.importorskip("dvc_ssh")
    for name in ("host", "key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd will not start without
    (tmp_path / "sshd_config").write_text(f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {tmp_path}/host
        AuthorizedKeysFile {tmp_path}/key.pub
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        PidFile none
        Subsystem sftp internal-sftp
    """)
    start(binary, "-D", "-e", "-f", tmp_path / "sshd_config")
    user = run("id", "-un", cwd=tmp_path).stdout.strip()
    return f"ssh://127.0.0.1:{port}{tmp_path}/store", {"user": user, "keyfile": f"{tmp_path}/key"}


def configure(folder, address, **settings):
    """Configure a remote as docs/remotes.md does, so that no file that Git tracks changes."""
    before = run("git", "status", "--short", cwd=folder).stdout
    if not (folder / ".dvc/config.local").exists():
        dvc(folder, "remote", "add", "-d", "--local", "mine", address)
    for name, value in settings.items():
        dvc(folder, "remote", "modify", "--local", "mine", name, value)
    local = (folder / ".dvc/config.local").read_text()
    assert all(value in local for value in (address, *settings.values()))
    assert run("git", "status", "--short", cwd=folder).stdout == before
    for word in (SECRET, address):
        assert run("git", "grep", "--untracked", "-F", "-e", word, cwd=folder).stdout == ""


def copied(folder, where):
    """Copy a clone with its cache."""
    return shutil.copytree(folder, where, symlinks=True)


def cloned(folder, where):
    """Clone what Git has, for a second person, without a cache."""
    assert run("git", "clone", "-q", str(folder), str(where), cwd=where.parent).returncode == 0
    assert not (where / "data/features.npz").exists()
    return where


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def test_everybody_can_pull_from_a_web_server_and_the_password_allows_a_push(nginx, reproduced, tmp_path):
    address, certificate = nginx
    ada = copied(reproduced, tmp_path / "ada")
    trusted = {"ssl_verify": str(certificate)} if certificate else {}
    anonymous, guessed = {"method": "PUT"}, {"auth": "basic", "user": "ada", "password": "guessed"}
    for settings in (trusted | anonymous, guessed):
        configure(ada, address, **settings)
        assert run("dvc", "push", "extract", cwd=ada).returncode != 0
        assert files(tmp_path / "served") == set()
    configure(ada, address, password=SECRET)
    dvc(ada, "push", "extract")
    assert len(files(tmp_path / "served")) == 3

    bob = cloned(ada, tmp_path / "bob")
    configure(bob, address)
    if certificate:
        assert run("dvc", "pull", "extract", cwd=bob).returncode != 0  # its certificate is not trusted yet
        configure(bob, address, **trusted)
    dvc(bob, "pull", "extract")
    for name in ("data/features.npz", "data/pixels.npz", "data/bands.npz"):
        assert (bob / name).read_bytes() == (ada / name).read_bytes()


@pytest.fixture(scope="module")
def variants(pristine, tmp_path_factory):
    """Copy the clone and run two variants in it: another backbone, and another learning rate."""
    folder = copied(pristine, tmp_path_factory.mktemp("variants") / "ada")
    for target, change in VARIANTS.items():
        write_params(folder, **change)
        dvc(folder, "repro", target)
    assert run("git", "checkout", "-q", ".", cwd=folder).returncode == 0
    dvc(folder, "checkout")
    return folder


@pytest.mark.parametrize(
    ("remote", "targets"), [("directory", ["finetune", "extract"]), ("s3", ["finetune"]), ("ssh", ["finetune"])]
)
def test_a_variant_that_was_pushed_is_not_computed_again(request, variants, tmp_path, remote, targets):
    address, settings = request.getfixturevalue(remote)
    ada = copied(variants, tmp_path / "ada")
    configure(ada, address, **settings)
    for target in targets:
        write_params(ada, **VARIANTS[target])
        assert stages_run(dvc(ada, "repro", target)) == set()  # it was run before
        dvc(ada, "push", "--run-cache")

    bob = cloned(variants, tmp_path / "bob")
    shutil.copy(ada / ".dvc/config.local", bob / ".dvc/config.local")
    for target in targets:
        write_params(bob, **VARIANTS[target])
        assert stages_run(dvc(bob, "repro", "--pull", target)) == set()
    weights = [(folder / "data/finetune.weights.h5").read_bytes() for folder in (bob, ada, variants)]
    assert weights[0] == weights[1] != weights[2]


def test_features_that_were_pulled_fill_the_feature_cache(reproduced, tmp_path):
    """After `dvc pull` the cache of the features is empty, and DVC deletes data/features.npz before extract runs."""

    write_params(reproduced, **{"split.test": 60, "extract.pixel_size": 4})
    repro = run("dvc", "repro", "extract", cwd=reproduced, EUROSAT_TRANSFER_STORE=str(tmp_path / "store.sqlite"))
    assert "20 images through the network, 1390 from the cache or the last run" in repro.stdout, repro.stderr
    lock = (reproduced / "dvc.lock").read_bytes()
    assert run("dvc", "repro", "-f", "-s", "extract", cwd=reproduced, EUROSAT_TRANSFER_STORE="").returncode == 0
    assert (reproduced / "dvc.lock").read_bytes() == lock
