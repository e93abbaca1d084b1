"""How fast PyTorch trains a network on one batch, again and again.

    python -m benchmarks.tuning_torch NETWORK SIZE PRECISION STEPS

NETWORK is a constructor of torchvision, and PRECISION is float32 or bfloat16. The weights are random.
"""

import sys
import time
from collections.abc import Callable

from benchmarks.rounds import Answer, serve

BATCH, CLASSES = 32, 10  # as the stage finetune has them by default


def set_up(name: str, size: int, precision: str, steps: int) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare the training, and return a function that measures once: {"rate": steps per second}.

    The network has channels last, which is the fastest layout on a CPU. The optimizer is AdamW with one kernel for all
    weights, and the norm of the gradients is clipped, as in the stage finetune.
    """
    import torch
    from torchvision import models

    torch.manual_seed(0)
    network = getattr(models, name)(weights=None, num_classes=CLASSES).to(memory_format=torch.channels_last).train()
    images = torch.rand(BATCH, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % CLASSES
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = torch.nn.functional.cross_entropy(network(images).float(), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    step()

    def measure() -> Answer:
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return {"rate": steps / (time.perf_counter() - start)}

    return {}, measure


if __name__ == "__main__":
    serve(lambda: set_up(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
