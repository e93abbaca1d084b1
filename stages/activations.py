"""Compare sigmoid with ReLU: how many iterations a perceptron and a small ConvNet need to converge.

Reads   nothing: scikit-learn's handwritten digits (8x8), or MNIST by TFDS
Writes  metrics/activations.json   by network and activation: iterations, test_accuracy
        plots/activations.csv (network, activation, iteration, loss), plots/activations.png

A network has converged when the mean training loss of an epoch is at most activations.loss.
`iterations` is the number of steps of plain SGD until then, or null if activations.max_epochs were
not enough. All networks use the same seed.
"""

from eurosat_transfer.data.digits import load_digits, load_mnist
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.activations import compare_activations, steps_per_epoch
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.activation_picture import draw_losses


def main() -> None:
    """Run the stage."""
    params = load_section(Activations)
    data = load_mnist() if params.data == "mnist" else load_digits(params.seed)
    steps = steps_per_epoch(data, params)
    compared = compare_activations(data, params)
    figures = {
        network: {
            activation: {"iterations": found.iterations, "test_accuracy": found.test_accuracy}
            for activation, found in by_activation.items()
        }
        for network, by_activation in compared.items()
    }
    write_json("metrics/activations.json", figures)
    rows = (
        (network, activation, epoch * steps, loss)
        for network, by_activation in compared.items()
        for activation, found in by_activation.items()
        for epoch, loss in enumerate(found.losses, 1)
    )
    write_csv("plots/activations.csv", ("network", "activation", "iteration", "loss"), rows)
    losses = {network: {a: found.losses for a, found in by.items()} for network, by in compared.items()}
    draw_losses("plots/activations.png", losses, steps, params.loss)


if __name__ == "__main__":
    run_stage(main, __doc__)
