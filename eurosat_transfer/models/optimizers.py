"""Optimizers and their learning rate schedules."""

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


def build_optimizer(params: Finetune, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of fine-tuning.

    Args:
        params: optimizer, lr, momentum, weight_decay, schedule, warmup_epochs, epochs and clipnorm.
        steps_per_epoch: number of steps in an epoch.

    Returns:
        An optimizer of Keras. Its weight decay is decoupled from the gradient for every optimizer: each step multiplies
        a weight by 1 - learning rate * weight_decay.

    Source:
        Loshchilov and Hutter, 2019, Decoupled Weight Decay Regularization.
    """
    steps, warmup = steps_per_epoch * params.epochs, steps_per_epoch * params.warmup_epochs
    rate = learning_rate_schedule(params.lr, steps, warmup, params.schedule == "cosine")
    # Each replica clips its own part of the gradient, before the parts are summed.
    clipnorm = None if params.clipnorm is None else params.clipnorm / replicas()
    common = {"learning_rate": rate, "global_clipnorm": clipnorm, "weight_decay": params.weight_decay or None}
    match params.optimizer:
        case "sgd":
            return keras.optimizers.SGD(momentum=params.momentum, **common)
        case "adam":
            return keras.optimizers.Adam(**common)
        case "adamw":
            return keras.optimizers.AdamW(**common | {"weight_decay": params.weight_decay})
