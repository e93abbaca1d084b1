"""Say what `dvc repro` has made and where it is: `python -m stages`."""

import signal
import sys
from pathlib import Path

from stages.common.files import read_json
from stages.common.intact import damaged_outputs
from stages.common.names import CLASSIFIERS

PICTURES = {
    "plots/tiles.png": "sample tiles, one row a class",
    "plots/tsne.png": "t-SNE of the deep features and of the raw pixels",
    "plots/labels.png": "how much labels buy",
    "plots/activations.png": "sigmoid against ReLU",
}


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` may have read enough
    if damaged := damaged_outputs():
        sys.exit(f"damaged in DVC's cache: {', '.join(map(str, damaged))}; `python -m stages.mend` takes that away")
    print(f"\n{'':10} test accuracy  95 % interval   macro F1")
    for name in CLASSIFIERS:
        path = Path(f"metrics/{name}.json")
        if not path.exists():
            print(f"{name:10} not there yet: `dvc repro` makes it, `dvc pull` fetches it")
            continue
        test = read_json(path)["test"]
        interval = f"{test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}"
        print(f"{name:10} {test['accuracy']:13.3f}  {interval}  {test['macro_f1']:8.3f}")
    print("\nfigures:  metrics/*.json (`dvc metrics show`), per class plots/*_classes.csv")
    for path, what in PICTURES.items():
        if not Path(path).exists():
            continue
        print(f"picture:  {path}: {what}")
    if not Path("report/report.html").exists():
        return
    print("report:   report/report.html: all of it on one page; report/explore.html: tile by tile")
    print("          to compare runs: `dvc plots diff`, then open dvc_plots/index.html")


if __name__ == "__main__":
    main()
