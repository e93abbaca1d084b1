"""Small PyTorch networks, exported as users do it. `python tests/networks/pytorch_networks.py` writes exported/.

The files in exported/ let tests compare with PyTorch without it: each network as ONNX, and in outputs.npz the images
and what PyTorch computes for them. The weights are random. Written with PyTorch 2.14.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch

FOLDER = Path(__file__).parent / "exported"
SIZE = 16  # pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BANDS_MEAN, BANDS_STD = [number / 20 for number in range(13)], [0.2 + number / 20 for number in range(13)]


class Convolutions(torch.nn.Module):
    """A residual network whose output is a feature map, (n, 12, 8, 8)."""

    def __init__(self, channels: int = 3):
        super().__init__()
        self.stem = torch.nn.Sequential(torch.nn.Conv2d(channels, 12, 3, 2, 1, bias=False), torch.nn.BatchNorm2d(12))
        self.branch = torch.nn.Conv2d(12, 12, 3, padding=1, groups=12)

    def forward(self, x):
        x = torch.nn.functional.gelu(self.stem(x))
        return torch.nn.functional.hardswish(x + self.branch(x))


class Bands(Convolutions):
    """The same for images with the bands of EuroSAT."""

    def __init__(self):
        super().__init__(channels=13)


class Transformer(torch.nn.Module):
    """A vision transformer whose output is a class token and 4 others, (n, 5, 12)."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 12, 8, 8)
        self.token = torch.nn.Parameter(torch.randn(1, 1, 12))
        self.places = torch.nn.Parameter(torch.randn(1, 5, 12))
        self.block = torch.nn.TransformerEncoderLayer(12, 2, 24, batch_first=True, norm_first=True)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return self.block(torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places)


def build(kind: type[torch.nn.Module]) -> torch.nn.Module:
    """Build a network with random weights."""
    torch.manual_seed(0)
    network = kind().eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # as if it was trained
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return network


def export(network: torch.nn.Module, path: Path, dynamo: bool = True, channels: int = 3) -> None:
    """Export a network with a dynamic batch axis: by today's exporter, or by the one that wrote most files so far."""
    images = torch.zeros(2, channels, SIZE, SIZE)
    if dynamo:
        batch = {0: torch.export.Dim("batch")}
        torch.onnx.export(network, (images,), path, dynamo=True, external_data=False, dynamic_shapes=(batch,))
    else:
        axes = {"images": {0: "batch"}}
        torch.onnx.export(
            network, (images,), path, dynamo=False, input_names=["images"], dynamic_axes=axes, opset_version=14
        )


def compute(network: torch.nn.Module, images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Apply a network to images, uint8, (n, SIZE, SIZE, channels), as a user of PyTorch would."""
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return network((scaled - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]).numpy()


def strip(path: Path) -> None:
    """Remove the names of this machine's folders that the exporter adds to each operator."""
    model = onnx.load(path)
    for value in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info, model.graph):
        value.ClearField("metadata_props")
    model.ClearField("metadata_props")
    onnx.save(model, path)


def main(folder: Path) -> None:
    """Write the files."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    of_bands = rng.integers(0, 256, (3, SIZE, SIZE, 13), np.uint8)
    convolutions, transformer, bands = build(Convolutions), build(Transformer), build(Bands)
    export(convolutions, folder / "convolutions.onnx", dynamo=False)
    export(bands, folder / "bands.onnx", channels=13)
    export(transformer, folder / "transformer.onnx")
    for path in folder.glob("*.onnx"):
        strip(path)
    outputs = {
        "convolutions": compute(convolutions, images, MEAN, STD),
        "transformer": compute(transformer, images, MEAN, STD),
        "bands": compute(bands, of_bands, BANDS_MEAN, BANDS_STD),
    }
    np.savez_compressed(folder / "outputs.npz", images=images, images_of_bands=of_bands, **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
