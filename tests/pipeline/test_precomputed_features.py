"""Features that were computed elsewhere in a clone without images, weights and TensorFlow."""

import numpy as np
import pytest
from conftest import run, stages_run, write_params

from eurosat_transfer.io.json_files import read_json

pytestmark = pytest.mark.slow


def lab_arrays() -> dict[str, np.ndarray]:
    """Make features of three classes that are easy to tell apart."""
    rng = np.random.default_rng(0)
    arrays = {}
    for subset, count in (("train", 60), ("test", 30)):
        y = np.arange(count) % 3
        arrays |= {f"X_{subset}": np.eye(3, 7)[y] * 9 + rng.normal(size=(count, 7)), f"y_{subset}": y}
    return arrays


def test_a_clone_without_images_works_on_precomputed_features(pristine, tmp_path):
    """These are the two commands of the documentation. TensorFlow cannot be imported meanwhile."""
    clone, path = tmp_path / "clone", tmp_path / "lab.npz"
    assert run("git", "clone", "-q", str(pristine), str(clone), cwd=tmp_path).returncode == 0
    (tmp_path / "poison").mkdir()
    for name in ("tensorflow", "keras"):
        (tmp_path / f"poison/{name}.py").write_text(f"raise ImportError('{name} must not be imported')\n")

    def repro(*arguments: str):
        return run("dvc", "repro", "--allow-missing", *arguments, cwd=clone, PYTHONPATH=str(tmp_path / "poison"))

    np.savez(path, **lab_arrays())
    write_params(clone, **{"extract.features": str(path)})
    extracted = repro("--force", "--no-commit", "--single-item", "extract")
    assert extracted.returncode == 0, extracted.stderr
    used = repro("svm", "knn", "tsne", "suspects")
    assert used.returncode == 0, used.stderr
    assert stages_run(extracted.stdout + used.stdout) == {"extract", "svm", "knn", "tsne", "suspects"}
    assert read_json(clone / "metrics/svm.json")["test"]["accuracy"] == 1.0
    assert sorted(p.name for p in (clone / "data").iterdir()) == [
        ".gitignore",
        "bands.npz",
        "code_lists",
        "features.npz",
        "pixels.npz",
    ]
    summary = run("python", "-m", "eurosat_transfer", cwd=clone).stdout
    shown = [line.split()[0] for line in summary.splitlines() if " to " in line]
    assert sorted(shown) == ["knn", "svm"], summary

    refused = repro("pixels")
    assert refused.returncode != 0
    assert "error: extract.features: " in refused.stderr
    assert "come without images" in refused.stderr

    np.savez(path, **{key: array for key, array in lab_arrays().items() if key != "X_test"})
    refused = repro("--force", "--no-commit", "--single-item", "extract")
    assert f"error: extract.features: {path}: it lacks X_test" in refused.stderr
    assert not (clone / "data/features.npz").exists()
