"""The whole graph over several seeds, as DVC experiments: mean and spread of each classifier's test accuracy.

    python -m stages.seeds 3
    python -m stages.seeds 5 --name eurosat -S data.name=eurosat -S backbone.name=resnet50

Sets split.seed, probe.seed and finetune.seed to 0, 1, ... in turn; what depends on none of them runs once. Each run is
the experiment NAME-SEED, in place of an earlier one of that name, made beside the working tree (`dvc exp run --temp`),
which stays as it is; paths given with -S must be absolute. This is no stage: it runs them.
"""

import argparse
import json
import statistics
import subprocess
import sys

import dvc.api

from stages.common.names import CLASSIFIERS

SEEDS = ("split.seed", "probe.seed", "finetune.seed")


def run_seed(name: str, seed: int, settings: list[str]) -> dict[str, float]:
    """Run one experiment.

    Returns:
        Test accuracy by classifier.
    """
    changes = [f"{key}={seed}" for key in SEEDS] + settings
    command = ["dvc", "exp", "run", "--temp", "--name", name, *(f"-S{change}" for change in changes)]
    subprocess.run(["dvc", "exp", "remove", name], check=False, capture_output=True)  # of an earlier time, if any
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"error: {' '.join(command)} failed")
    files = {classifier: dvc.api.read(f"metrics/{classifier}.json", rev=name) for classifier in CLASSIFIERS}
    return {classifier: json.loads(content)["test"]["accuracy"] for classifier, content in files.items()}


def table(results: list[dict[str, float]]) -> str:
    """Lay out accuracies, a column a seed, with mean and standard deviation, the best classifier first."""
    lines = ["".join([f"{'':10}", *(f"{f'seed {seed}':>9}" for seed in range(len(results))), "     mean       sd"])]
    mean = {name: statistics.mean(result[name] for result in results) for name in results[0]}
    for name in sorted(mean, key=mean.get, reverse=True):
        values = [result[name] for result in results]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        lines.append("".join([f"{name:10}", *(f"{value:9.3f}" for value in [*values, mean[name], spread])]))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="how many seeds, 1 or more")
    parser.add_argument("--name", default="seeds", help="the experiments are NAME-0, NAME-1, ...")
    parser.add_argument("-S", "--set-param", action="append", default=[], help="as of `dvc exp run`")
    arguments = parser.parse_args()
    if arguments.count < 1:
        parser.error(f"count: must be 1 or more (was {arguments.count})")
    for setting in arguments.set_param:
        if setting.lstrip("+~").split("=")[0] in SEEDS:
            parser.error(f"-S {setting}: {', '.join(SEEDS)} are what is varied")
    results = [run_seed(f"{arguments.name}-{seed}", seed, arguments.set_param) for seed in range(arguments.count)]
    print(f"\ntest accuracy\n{table(results)}")


if __name__ == "__main__":
    main()
