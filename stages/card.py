"""Write the model card of the saved classifier.

Reads   model/model.json, metrics/NAME.json of every classifier, metrics/compare.json
Writes  model/README.md
"""

from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.prediction.saved_model import CARD_FILE, MODEL, NoModelError, load_description
from eurosat_transfer.reporting.model_card import write_card


def main() -> None:
    """Run the stage."""
    parameters, (metrics, _) = load_parameters().as_dict(), read_metrics()
    comparison = read_json("metrics/compare.json")
    with atomic_write(MODEL / CARD_FILE) as part:
        try:
            write_card(part, load_description(MODEL), parameters, metrics, comparison)
        except NoModelError as error:
            part.write_text(f"{error}\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __doc__)
