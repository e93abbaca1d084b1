import inspect
import subprocess
import sys
import threading

import pytest
from conftest import REPOSITORY

from stages.common.later import run_later


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `later_` whose modules are run when something is asked of them, and the list of those that were."""
    ran = []
    monkeypatch.setattr(sys, "later_ran", ran, raising=False)
    (tmp_path / "later_").mkdir()

    def module(name, code):
        (tmp_path / f"later_/{name}.py").write_text(f"import sys\nsys.later_ran.append({name!r})\n{code}\n")

    module("__init__", "")
    module("one", "answer = 42\nasked = __file__")
    module("slow", "import time\ntime.sleep(0.2)\nanswer = 42")
    module("starred", "from later_.one import *")
    module("replaced", "import types\nanswer = 42\nsys.modules[__name__] = types.SimpleNamespace(answer=43)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    run_later("later_.")
    yield ran
    for name in [name for name in sys.modules if name.partition(".")[0] == "later_"]:
        del sys.modules[name]


def test_a_module_runs_when_something_is_asked_of_it_and_once(package):
    import later_.one

    assert package == ["__init__"]
    assert later_.one.answer == 42
    assert later_.one.asked.endswith("one.py")
    assert package == ["__init__", "one"]
    with pytest.raises(AttributeError, match=r"module 'later_.one' has no attribute 'nothing'"):
        _ = later_.one.nothing
    assert package == ["__init__", "one"]


def test_looking_through_the_modules_runs_none(package):
    import later_.one

    inspect.getmodule(compile("1", "nowhere", "eval"))
    assert not hasattr(later_.one, "__warningregistry__")
    assert package == ["__init__"]


def test_taking_a_name_or_all_of_them_runs_it(package):
    from later_.one import answer
    from later_.starred import answer as starred

    assert answer == starred == 42
    assert package == ["__init__", "one", "starred"]


@pytest.mark.usefixtures("package")
def test_a_module_may_put_another_in_its_place():
    import later_.replaced

    assert later_.replaced.answer == 42
    assert sys.modules["later_.replaced"].answer == 43


def test_threads_that_ask_at_once_get_the_same_module(package):
    import later_.slow

    answers = []
    threads = [threading.Thread(target=lambda: answers.append(later_.slow.answer)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [42] * 4
    assert package == ["__init__", "slow"]


def test_of_tensorflow_only_what_is_used_is_imported_and_the_rest_is_there():
    code = """if True:
        import sys
        from stages.common.tensorflow import reproducible, tf

        reproducible(0)
        assert "tensorflow.python.feature_column.feature_column_v2" not in sys.modules
        assert tf.feature_column.numeric_column("a").key == "a"
        assert tf.compat.v1.nn.relu(tf.constant([-1.0, 2.0])).numpy().tolist() == [0, 2]
        assert tf.raw_ops.Add(x=1, y=2).numpy() == 3
    """
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_a_module_in_c_is_made_at_once():
    code = "from stages.common.later import run_later; run_later('_lsprof'); import _lsprof; _lsprof.Profiler()"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
