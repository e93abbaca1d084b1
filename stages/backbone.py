"""Build the pretrained feature extractor and save it, so that DVC caches its weights by their hash.

Reads   nothing, or the file that backbone.weights names
Writes  data/backbone/          network.json, backbone.weights.h5, summary.txt
        metrics/backbone.json   parameters (how many weights), descriptor_size (features per image)

tilenet is pretrained here on drawn textures. The networks of Keras Applications come with ImageNet
weights.
"""

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.checkpoints import checkpoint_folder
from eurosat_transfer.models.pretraining import pretrain
from eurosat_transfer.networks.backbones import FOLDER, SUMMARY_FILE, build_backbone, default_image_size, save_backbone
from eurosat_transfer.networks.weights import load_weights_file
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.integrity import digest_inputs
from eurosat_transfer.pipeline.named_files import check_is_no_output
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.tensorflow_setup import make_reproducible, use_threads


def main() -> None:
    """Run the stage."""
    params = load_section(Backbone)
    if params.weights not in ("auto", "none"):
        check_is_no_output("backbone.weights", params.weights)
    size = default_image_size(params.name) if params.image_size == "auto" else params.image_size
    use_threads(params.pretrain.threads)
    make_reproducible(params.seed)
    imagenet = params.weights == "auto" and params.name != "tilenet"
    model = build_backbone(params.name, size, params.options, "imagenet" if imagenet else None)
    if params.weights == "auto" and params.name == "tilenet":
        with checkpoint_folder("backbone", digest_inputs("backbone"), params.model_dump()) as checkpoints:
            pretrain(model, params, checkpoints / "pretrain.npz")
    elif params.weights not in ("auto", "none"):
        load_weights_file(model, params)
    with atomic_write(FOLDER) as folder:
        save_backbone(folder, model, params.name, size, params.options)
    figures = {"parameters": model.count_params(), "descriptor_size": model.output_shape[-1]}
    write_json("metrics/backbone.json", figures)
    print(f"{params.name} at {size} pixels: {figures}; its layers are listed in {FOLDER / SUMMARY_FILE}")


if __name__ == "__main__":
    run_stage(main, __doc__)
