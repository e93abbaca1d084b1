"""Build the pretrained feature extractor and save it, so that DVC caches its weights by their hash.

Reads   nothing, or the file that backbone.weights names
Writes  data/backbone/          network.json, backbone.weights.h5 or backbone.onnx, summary.txt
        metrics/backbone.json   parameters (how many weights), descriptor_size (features per image)

tilenet is pretrained here on drawn textures. The networks of Keras Applications come with ImageNet
weights. An ONNX network comes from a file, which is checked and tried on noise.
"""

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.checkpoints import checkpoint_folder
from eurosat_transfer.models.pretraining import pretrain
from eurosat_transfer.networks.backbones import FOLDER, SUMMARY_FILE, build_backbone, default_image_size, save_backbone
from eurosat_transfer.networks.onnx_network import save_onnx_backbone
from eurosat_transfer.networks.onnx_source import fetch_onnx_file
from eurosat_transfer.networks.onnx_standard import standardise
from eurosat_transfer.networks.weights import load_weights_file
from eurosat_transfer.parameters.backbone import ONNX, Backbone
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
    size, figures = _save_onnx(params) if params.name == ONNX else _save_keras(params)
    write_json("metrics/backbone.json", figures)
    print(f"{params.name} at {size} pixels: {figures}; its layers are listed in {FOLDER / SUMMARY_FILE}")


def _save_onnx(params: Backbone) -> tuple[int, dict[str, int]]:
    network = standardise(fetch_onnx_file(params), params)
    with atomic_write(FOLDER) as folder:
        save_onnx_backbone(folder, network, params.onnx)
    return network.image_size, {"parameters": network.count_parameters(), "descriptor_size": network.width}


def _save_keras(params: Backbone) -> tuple[int, dict[str, int]]:
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
    return size, {"parameters": model.count_params(), "descriptor_size": model.output_shape[-1]}


if __name__ == "__main__":
    run_stage(main, __doc__)
