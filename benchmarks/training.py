"""How many steps per second does fine-tuning take, and for what share of the time does it wait for input?"""

import argparse
import json
import sys

from benchmarks.rounds import Contender, LeftOutError, interleave, ratio, summary
from benchmarks.tables import Table

HELP = "fine-tuning steps per second, and the share of the time that waits for input"
NETWORKS = {
    "tilenet at 64": {"name": "tilenet", "image_size": 64, "options": {}},
    "MobileNetV2 at 96": {"name": "mobilenetv2", "image_size": 96, "options": {}},
}
STEPS = 20  # per epoch, of 32 images, as with the default parameters
EPOCHS = 3  # timed epochs; one more comes first, in which TensorFlow compiles


def run(options: argparse.Namespace) -> list[Table]:
    """Measure each network, and put all of them in one table."""
    rows = []
    for called, network in NETWORKS.items():
        rows.append({"network": called, **row(measure(called, network, options.rounds, STEPS, EPOCHS))})
    notes = [
        "Measured with the code and the default settings of the stage finetune: batches of 32 augmented images; all "
        "layers are trained.",
        '"waiting" is 1 minus the ratio of two times: with one batch that is repeated, and with images that are read, '
        "decoded and augmented. Decoding uses the same cores as the network, and this counts as waiting.",
        f"{options.rounds} rounds of {EPOCHS} epochs of {STEPS} steps, without compilation and checkpoints.",
    ]
    columns = ["network", "steps/s", "min", "max", "images/s", "one batch repeated, steps/s", "waiting"]
    return [Table("Fine-tuning: steps per second", columns, rows, notes)]


def measure(called: str, network: dict, rounds: int, steps: int, epochs: int) -> dict[str, list[float]]:
    """Measure with real input and with one repeated batch, each in its own process.

    Args:
        called: name of the network in messages.
        network: arguments of build_backbone.
        rounds: number of rounds.
        steps: per epoch.
        epochs: timed epochs per round.

    Returns:
        Steps per second, one value per round: by "real" and by "repeated".
    """
    contenders = {}
    try:
        for kind in ("real", "repeated"):
            print(f"{called}: {kind} input", file=sys.stderr, flush=True)
            contenders[kind] = Contender("benchmarks.tuning", kind, json.dumps(network), str(steps), str(epochs))
        return interleave({kind: lambda c=c: c.measure()["rate"] for kind, c in contenders.items()}, rounds)
    except LeftOutError as error:
        sys.exit(f"error: {called}: {error}")
    finally:
        for contender in contenders.values():
            contender.close()


def row(rates: dict[str, list[float]]) -> dict[str, object]:
    """Build the cells of a network from what measure returns."""
    of = summary(rates["real"])
    return {
        "steps/s": of.pop("median"),
        **of,
        "images/s": 32 * summary(rates["real"])["median"],
        "one batch repeated, steps/s": summary(rates["repeated"])["median"],
        "waiting": 1 - ratio(rates["real"], rates["repeated"]),
    }
