"""How many steps a second does fine-tuning take, and what share of the time waits for input?"""

import argparse
import json
import sys

from benchmarks.rounds import Contender, LeftOutError, interleave, ratio, summary
from benchmarks.tables import Table

HELP = "fine-tuning steps a second, and the share of the time that waits for input"
NETWORKS = {
    "tilenet at 64": {"name": "tilenet", "image_size": 64, "options": {}},
    "MobileNetV2 at 96": {"name": "mobilenetv2", "image_size": 96, "options": {}},
}
STEPS, EPOCHS = 20, 3  # the default's, of 32 images; timed epochs, after one that compiles


def run(options: argparse.Namespace) -> list[Table]:
    """Answer for each network, all in one table."""
    rows = []
    for called, network in NETWORKS.items():
        rows.append({"network": called, **row(measure(called, network, options.rounds, STEPS, EPOCHS))})
    notes = [
        "By the stage finetune's own code and default settings: batches of 32, turned at random; all layers learn.",
        "Waiting: 1 less the time by one batch, repeated, over the time by the images as the stage reads, decodes and "
        "turns them. Decoding takes turns with the network on the same cores, which counts as waiting.",
        f"{options.rounds} rounds of {EPOCHS} epochs of {STEPS} steps; compiling and checkpoints do not count.",
    ]
    columns = ["network", "steps/s", "min", "max", "images/s", "one batch repeated, steps/s", "waiting"]
    return [Table("Fine-tuning: steps a second", columns, rows, notes)]


def measure(called: str, network: dict, rounds: int, steps: int, epochs: int) -> dict[str, list[float]]:
    """Measure with the real input and with one batch repeated, each in its process: steps a second, one a round."""
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
    """Lay out rates; the time a step is one over them."""
    of = summary(rates["real"])
    return {
        "steps/s": of.pop("median"),
        **of,
        "images/s": 32 * summary(rates["real"])["median"],
        "one batch repeated, steps/s": summary(rates["repeated"])["median"],
        "waiting": 1 - ratio(rates["real"], rates["repeated"]),
    }
