"""How many steps per second does fine-tuning take, beside PyTorch, and for what share of the time does it wait?"""

import argparse
import json
import sys

from benchmarks.rounds import Contender, LeftOutError, interleave, ratio, summary
from benchmarks.tables import Table

HELP = "fine-tuning steps per second beside PyTorch, and the share of time spent on waiting"
NETWORKS = {  # arguments of build_backbone, the constructor in torchvision, and steps per epoch
    "tilenet at 64": ({"name": "tilenet", "image_size": 64, "options": {}}, None, 20),
    "MobileNetV2 at 96": ({"name": "mobilenetv2", "image_size": 96, "options": {}}, "mobilenet_v2", 20),
    "ResNet-50 at 96": ({"name": "resnet50", "image_size": 96, "options": {}}, "resnet50", 8),
    "ResNet-50 at 224": ({"name": "resnet50", "image_size": 224, "options": {}}, "resnet50", 3),
}
BFLOAT16 = "repeated, bfloat16"
EPOCHS = 2  # timed epochs; one more comes first, in which TensorFlow compiles
OURS = {"real": ("real", "float32"), "repeated": ("repeated", "float32"), BFLOAT16: ("repeated", "bfloat16")}
PEERS = {"PyTorch": "float32", "PyTorch, bfloat16": "bfloat16"}


def run(options: argparse.Namespace) -> list[Table]:
    """Measure each network, and put all of them in one table."""
    rows, left_out = [], {}
    for called, (network, peer, steps) in NETWORKS.items():
        rates, reasons = measure(called, network, peer, options.rounds, steps, EPOCHS, options.torch_python)
        rows.append({"network": called, **row(rates)})
        left_out |= dict.fromkeys(reasons)
    notes = [
        "Measured with the code and the default settings of the stage finetune: batches of 32 augmented images; all "
        "layers are trained. PyTorch trains torchvision's network with channels last on one batch, without input, with "
        "AdamW and clipped gradients.",
        'The columns without "bfloat16" are in float32. A column "/ PyTorch" compares the same precision of both, with '
        "one repeated batch.",
        '"waiting" is 1 minus the ratio of two times: with one batch that is repeated, and with images that are read, '
        "decoded and augmented. Decoding uses the same cores as the network, and this counts as waiting.",
        f"{options.rounds} rounds of {EPOCHS} epochs of {', '.join(str(of[-1]) for of in NETWORKS.values())} steps, "
        "without compilation and checkpoints. Ratios are medians of the ratios within a round.",
        *left_out,
    ]
    columns = list(dict.fromkeys(column for cells in rows for column in cells if column != "rounds"))
    return [Table("Fine-tuning: steps per second", columns, rows, notes)]


def measure(
    called: str, network: dict, peer: str | None, rounds: int, steps: int, epochs: int, torch_python: str
) -> tuple[dict[str, list[float]], list[str]]:
    """Measure with real input, with one repeated batch in both precisions, and PyTorch, each in its own process.

    Args:
        called: name of the network in messages.
        network: arguments of build_backbone.
        peer: constructor of the network in torchvision. None: it has none.
        rounds: number of rounds.
        steps: per epoch.
        epochs: timed epochs per round.
        torch_python: interpreter with PyTorch.

    Returns:
        Steps per second, one value per round, by the names in OURS and PEERS. And why some of them are left out.
    """
    contenders, reasons = {}, []
    try:
        for kind, (of, precision) in OURS.items():
            print(f"{called}: {kind} input", file=sys.stderr, flush=True)
            arguments = (of, precision, json.dumps(network), str(steps), str(epochs))
            try:
                contenders[kind] = Contender("benchmarks.tuning", *arguments)
            except LeftOutError as error:
                if precision == "float32":
                    raise
                reasons.append(f"{kind} is left out: {error}.")
        for name, precision in PEERS.items() if peer else ():
            arguments = (str(peer), str(network["image_size"]), precision, str(steps))
            try:
                contenders[name] = Contender("benchmarks.tuning_torch", *arguments, python=torch_python)
            except LeftOutError as error:
                reasons.append(f"{name} is left out: {error}.")
        return interleave({kind: lambda c=c: c.measure()["rate"] for kind, c in contenders.items()}, rounds), reasons
    except LeftOutError as error:
        sys.exit(f"error: {called}: {error}")
    finally:
        for contender in contenders.values():
            contender.close()


def row(rates: dict[str, list[float]]) -> dict[str, object]:
    """Build the cells of a network from what measure returns."""
    of = summary(rates["real"])
    cells = {
        "steps/s": of.pop("median"),
        **of,
        "images/s": 32 * summary(rates["real"])["median"],
        "one batch repeated, steps/s": summary(rates["repeated"])["median"],
        "waiting": 1 - ratio(rates["real"], rates["repeated"]),
    }
    if BFLOAT16 in rates:
        cells["bfloat16, steps/s"] = summary(rates[BFLOAT16])["median"]
        cells["bfloat16 / float32"] = ratio(rates[BFLOAT16], rates["repeated"])
    for name, precision in PEERS.items():
        if name in rates:
            ours = BFLOAT16 if precision == "bfloat16" and BFLOAT16 in rates else "repeated"
            cells |= {
                f"{name}, steps/s": summary(rates[name])["median"],
                f"/ {name}": ratio(rates[ours], rates[name]),
            }
    return cells
