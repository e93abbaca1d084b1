"""How much time does DVC add to a plain script, and how long does a change take?"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import chdir
from functools import partial
from pathlib import Path

from benchmarks.clone import Clone, Repository, temporary_clone
from benchmarks.rounds import interleave, ratio, summary
from benchmarks.tables import Table
from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.integrity import locked_outputs

HELP = "the whole pipeline from scratch, a plain script, a change, and the stage svm alone"
CHANGES = {"svm.C": 1, "tsne.perplexity": 20, "finetune.lr": 0.0003, "split.train": 1100}
MAINS = ".git/mains.txt"
STAGE_MODULE = "eurosat_transfer/pipeline/stage.py"
# Is appended to a clone's STAGE_MODULE, on which no stage depends. It records how long the main() of each stage takes.
NOTE_MAINS = f'''

def run_stage(main, doc, run_stage=run_stage):
    import time

    def timed():
        if os.environ["DVC_STAGE"] == "extract":
            import eurosat_transfer.features.extraction  # main() imports it late; imports do not count
        started = time.perf_counter()
        main()
        with open("{MAINS}", "a") as file:
            print(os.environ["DVC_STAGE"], time.perf_counter() - started, file=file)

    run_stage(timed, doc)
'''
COLD, PLAIN, NOTHING = "dvc repro, cold", "a plain script, cold", "dvc repro, nothing changed"


def run(options: argparse.Namespace) -> list[Table]:
    """Measure the whole pipeline, and then the stage svm alone."""
    measured = measure_graph(options.rounds, CHANGES)
    return [
        graph_table(*measured),
        alone_table("svm", "svm.C", measure_alone("svm", "svm.C", range(1, options.rounds + 1))),
    ]


def measure_graph(
    rounds: int, changes: Mapping[str, object], stages: Iterable[str] = (), params: Mapping[str, object] | None = None
) -> tuple[dict[str, list[float]], list[dict[str, float]], list[dict[str, float]], set[str]]:
    """Run everything once per round, in new clones.

    Args:
        rounds: number of rounds.
        changes: parameters to change, one after the other.
        stages: stages to run; empty for all.
        params: parameters that differ from params.yaml.

    Returns:
        Seconds of each command, one value per round. Seconds of the main() of each stage in the cold run, one mapping
        per round. The same for the plain script. The outputs in which the two differ.
    """
    seconds, mains, plain, differing = defaultdict(list), [], [], set()

    def timed(clone: Clone, what: str, *command: str) -> str:
        start = time.perf_counter()
        said = clone.run(*command)
        seconds[what].append(time.perf_counter() - start)
        print(f"  {what}: {seconds[what][-1]:.1f} s", file=sys.stderr, flush=True)
        return said

    for _ in range(rounds):
        with temporary_clone(params) as clone, temporary_clone(params) as other:
            with (clone.folder / STAGE_MODULE).open("a", encoding="utf-8") as file:
                file.write(NOTE_MAINS)
            clone.commit()
            timed(clone, COLD, "dvc", "repro", *stages)
            noted = (line.split() for line in (clone.folder / MAINS).read_text(encoding="utf-8").splitlines())
            mains.append({name: float(second) for name, second in noted})
            plain.append(json.loads(timed(other, PLAIN, sys.executable, "-m", "benchmarks.plain", *stages)))
            differing |= _differing(clone.folder, other.folder)
            timed(clone, NOTHING, "dvc", "repro", *stages)
            for name, value in changes.items():
                timed(clone, f"dvc exp run -S {name}={value}", "dvc", "exp", "run", "-S", f"{name}={value}", *stages)
    return dict(seconds), mains, plain, differing


def _differing(one: Path, other: Path) -> set[str]:
    """Find the outputs of one clone that differ in the other."""
    with chdir(one):
        outputs = list(locked_outputs())
    return {str(path) for path, locked in outputs if not (other / path).exists() or md5(other / path) != locked}


def graph_table(
    seconds: dict[str, list[float]],
    mains: list[dict[str, float]],
    plain: list[dict[str, float]],
    differing: set[str],
) -> Table:
    """Build the table from what measure_graph returns."""
    work = [sum(second for name, second in round_.items() if name != "imports") for round_ in plain]
    outside = [cold - sum(of.values()) for cold, of in zip(seconds[COLD], mains, strict=True)]
    shares = ", ".join(f"{share / cold:.1%}" for share, cold in zip(outside, seconds[COLD], strict=True))
    rows = [{"what": what, **_row(values, "/ cold", seconds[COLD])} for what, values in seconds.items()]
    rows.insert(2, {"what": "  of which the stages' own work", **_row(work, "/ cold", seconds[COLD])})
    rows.insert(1, {"what": "  of which outside the stages' work", **_row(outside, "/ cold", seconds[COLD])})
    stages = ", ".join(f"{name} {statistics.median(r[name] for r in plain):.1f}" for name in plain[0])
    notes = [
        "Outside the stages' work means the time of the cold run without the time in main() of each stage: starting "
        f"interpreters, imports, DVC's hashing and copying. Its share in each round: {shares}.",
        f"Seconds of the plain script by stage: {stages}.",
        "The plain script wrote "
        + (f"other outputs: {', '.join(sorted(differing))}." if differing else "the same outputs."),
        f"{len(plain)} rounds, each in new clones with an empty DVC cache and an empty feature cache.",
    ]
    return Table("The graph: seconds", ["what", "seconds", "min", "max", "/ cold"], rows, notes)


def _row(values: list[float], column: str, base: list[float]) -> dict[str, object]:
    of = summary(values)
    return {"seconds": of.pop("median"), **of, column: ratio(values, base)}


def measure_alone(
    stage: str, parameter: str, values: Sequence[object], params: Mapping[str, object] | None = None
) -> dict[str, list[float]]:
    """Run one stage with one value of a parameter after the other, and each time a stage that runs `true`.

    Args:
        stage: its name.
        parameter: its name, for example "svm.C".
        values: of the parameter, one per round.
        params: parameters that differ from params.yaml.

    Returns:
        Seconds of `dvc repro`, one value per round: of the stage by its name, and of the other one by "true".
    """
    with temporary_clone(params) as clone, tempfile.TemporaryDirectory() as folder:
        clone.run("dvc", "repro", stage)
        trivial = Repository(Path(folder))
        for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
            trivial.run(*command)
        (trivial.folder / "dvc.yaml").write_text("stages:\n  nothing:\n    cmd: 'true'\n", encoding="utf-8")
        waiting = iter(values)

        def changed() -> float:
            clone.set_params({parameter: next(waiting)})
            return _seconds(lambda: clone.run("dvc", "repro", stage))

        nothing = partial(_seconds, lambda: trivial.run("dvc", "repro"))
        return interleave({stage: changed, "true": nothing}, len(values))


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def alone_table(stage: str, parameter: str, seconds: dict[str, list[float]]) -> Table:
    """Build the table from what measure_alone returns."""
    beyond = [own - trivial for own, trivial in zip(seconds[stage], seconds["true"], strict=True)]
    rows = [
        {
            "what": f"dvc repro {stage}, after a change of {parameter}",
            **_row(seconds[stage], "/ trivial", seconds["true"]),
        },
        {"what": "dvc repro of a stage that runs `true`", **_row(seconds["true"], "/ trivial", seconds["true"])},
        {"what": f"  {stage} beyond DVC's own", **_row(beyond, "/ trivial", seconds["true"])},
    ]
    notes = [f"{len(beyond)} rounds, each with another value of {parameter} that is not in DVC's cache."]
    return Table(
        f"The stage {stage} alone: seconds of the whole command",
        ["what", "seconds", "min", "max", "/ trivial"],
        rows,
        notes,
    )
