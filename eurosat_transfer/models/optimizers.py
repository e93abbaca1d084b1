"""Optimizers and their learning rate schedules."""

from collections.abc import Iterable

from eurosat_transfer.networks.accelerators import replicas
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.tensorflow_setup import keras


def learning_rate_schedule(
    lr: float, steps: int, warmup: int, cosine: bool
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Build a schedule: the learning rate rises linearly, and then stays constant or falls to 0 along a cosine.

    Args:
        lr: the highest learning rate.
        steps: number of steps of the whole training.
        warmup: number of steps of the rise; 0 starts at lr.
        cosine: whether the learning rate falls after the rise.

    Returns:
        The schedule: step -> learning rate.

    Source:
        Loshchilov and Hutter, 2017, SGDR: Stochastic Gradient Descent with Warm Restarts.
        Goyal et al., 2017, Accurate, Large Minibatch SGD (the warm-up).
    """
    level = 0.0 if cosine else 1.0
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(lr, steps, level)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, level, warmup_target=lr, warmup_steps=warmup)


def decay_kernels_only(optimizer: keras.optimizers.Optimizer, variables: Iterable[keras.Variable]) -> None:
    """Exclude biases and the parameters of normalisation layers from the weight decay of an optimizer, in place.

    A variable is excluded if it has at most one axis. The kernels of dense and convolutional layers have more. A decay
    of the others would not make the network simpler: it would only shift and rescale its activations.

    Args:
        optimizer: one that has not been built yet.
        variables: all trainable variables of the model.

    Raises:
        ValueError: the optimizer has been built.

    Source:
        He et al., 2019, Bag of Tricks for Image Classification with Convolutional Neural Networks, section 3.1.
    """
    optimizer.exclude_from_weight_decay(var_list=[variable for variable in variables if len(variable.shape) <= 1])


def build_optimizer(
    params: Finetune, steps_per_epoch: int, variables: Iterable[keras.Variable]
) -> keras.optimizers.Optimizer:
    """Build the optimizer of fine-tuning.

    Args:
        params: optimizer, lr, momentum, weight_decay, schedule, warmup_epochs, epochs and clipnorm.
        steps_per_epoch: number of steps in an epoch.
        variables: all trainable variables of the model.

    Returns:
        An optimizer of Keras. Its weight decay is decoupled from the gradient, also for SGD: each step multiplies the
        weights of a kernel by 1 - learning rate * weight_decay. Biases and the parameters of normalisation layers do
        not decay.

    Source:
        Loshchilov and Hutter, 2019, Decoupled Weight Decay Regularization.
    """
    steps, warmup = steps_per_epoch * params.epochs, steps_per_epoch * params.warmup_epochs
    rate = learning_rate_schedule(params.lr, steps, warmup, params.schedule == "cosine")
    # Each replica clips its own part of the gradient, before the parts are summed.
    clipnorm = None if params.clipnorm is None else params.clipnorm / replicas()
    common = {"learning_rate": rate, "global_clipnorm": clipnorm, "weight_decay": params.weight_decay}
    match params.optimizer:
        case "sgd":
            optimizer = keras.optimizers.SGD(momentum=params.momentum, **common)
        case "adamw":
            optimizer = keras.optimizers.AdamW(**common)
    decay_kernels_only(optimizer, variables)
    return optimizer
