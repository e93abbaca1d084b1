"""Compare sigmoid with ReLU: how many iterations a perceptron and a small ConvNet need to converge.

Reads   nothing: scikit-learn's handwritten digits (8x8), or MNIST by TFDS
Writes  metrics/activations.json   by network and activation: rate, iterations, test_accuracy; and their ratio
        plots/activations.csv      network, activation, rate, seed, iteration, loss: at the best rates
        plots/activation_rates.csv network, activation, rate, seed, iterations, loss: how the rates were chosen
        plots/activations.png

A network has converged when the mean training loss of as many batches as an epoch has is at most
activations.loss. The best learning rate is chosen from activations.rates, for each network and
activation: it is the rate whose slowest training converges first. The seeds that choose it are not
reported.
"""

from eurosat_transfer.data.digits import load_digits, load_mnist
from eurosat_transfer.evaluation.convergence import compare_speeds, summarise_trainings
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.activations import compare_activations, reported_seeds, steps_per_epoch, tuning_seeds
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.activation_picture import draw_losses


def main() -> None:
    """Run the stage."""
    params = load_section(Activations)
    data = load_mnist() if params.data == "mnist" else load_digits(params.seed)
    compared = compare_activations(data, params)
    figures: dict[str, dict[str, object]] = {}
    for network, found in compared.items():
        iterations = {activation: result.training.iterations for activation, result in found.items()}
        figures[network] = {
            activation: {
                "rate": result.rate,
                "rate_at_end": len(params.rates) > 1 and result.rate in (params.rates[0], params.rates[-1]),
                "initialisation": params.initialisation,
                **summarise_trainings(result.training.iterations, result.test_accuracies),
            }
            for activation, result in found.items()
        } | {"ratio": compare_speeds(iterations)}
    write_json("metrics/activations.json", figures)
    trained = [(network, activation, result) for network, by in compared.items() for activation, result in by.items()]
    steps = steps_per_epoch(data, params)
    curves = [
        (network, activation, result.rate, seed, epoch * steps, loss)
        for network, activation, result in trained
        for seed, losses in zip(reported_seeds(params), result.training.losses, strict=True)
        for epoch, loss in enumerate(losses, 1)
    ]
    columns = ("network", "activation", "rate", "seed", "iteration", "loss")
    write_csv("plots/activations.csv", columns, curves)
    tried = (
        (network, activation, rate, seed, training.iterations[number], training.losses[number][-1])
        for network, activation, result in trained
        for rate, training in result.tried.items()
        for number, seed in enumerate(tuning_seeds(params))
    )
    write_csv("plots/activation_rates.csv", ("network", "activation", "rate", "seed", "iterations", "loss"), tried)
    draw_losses("plots/activations.png", [dict(zip(columns, row, strict=True)) for row in curves], params.loss)


if __name__ == "__main__":
    run_stage(main, __doc__)
