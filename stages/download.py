"""Prepare the data set, as a TFDS data set of few, large files.

Reads   nothing, or what data.path or data.url names
Writes  data/dataset/     ArrayRecord files and their description
        data/index.csv    file, label, class; one row per image, in the data set's order
        plots/tiles.png   sample tiles, one row per class
"""

from eurosat_transfer.data.dataset import DATASET, TileDataset
from eurosat_transfer.data.index import index_images, write_index
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.tile_sheet import draw_tile_sheet

SAMPLES = 8  # tiles of each class in the picture


def main() -> None:
    """Run the stage."""
    prepare_dataset(load_section(Data), DATASET)
    dataset = TileDataset()
    index = index_images(((tile.file, tile.label) for tile in dataset), dataset.classes)
    write_index(index)
    samples = {name: [dataset[i].image for i in found] for name, found in index.first_of_each_class(SAMPLES).items()}
    draw_tile_sheet("plots/tiles.png", samples)
    print(f"{len(index.files)} images of {len(index.classes)} classes; samples: plots/tiles.png")


if __name__ == "__main__":
    run_stage(main, __doc__)
