import numpy as np
import pytest
from PIL import Image

from stages import tsne
from stages.common.files import read_csv, read_json
from stages.common.stage import UserError


@pytest.mark.usefixtures("features")
def test_classes_that_are_apart_stay_apart():
    tsne.main()
    figures = read_json("metrics/tsne.json")["features"]
    assert figures["neighbour_agreement"] == 1.0
    assert 0.8 < figures["trustworthiness"] <= 1.0
    rows = read_csv("plots/tsne.csv")
    points = np.array([[float(row["feature_x"]), float(row["feature_y"])] for row in rows])
    labels = np.array(["abc".index(row["class"]) for row in rows])
    assert tsne.neighbour_agreement(points, labels) == 1.0
    assert Image.open("plots/tsne.png").size[0] > 1000


@pytest.mark.usefixtures("features")
def test_it_reproduces_to_the_byte(world):
    pictures = []
    for _ in range(2):
        tsne.main()
        pictures.append((world() / "plots/tsne.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_neighbour_agreement_by_hand():
    X = np.array([[0.0], [1.0], [10.0], [11.0]])
    assert tsne.neighbour_agreement(X, np.array([0, 0, 1, 0]), neighbours=1) == 0.5


@pytest.mark.usefixtures("features")
def test_a_perplexity_that_is_too_large_is_refused(world):
    world(**{"tsne.perplexity": 60, "split.test": 640})
    with pytest.raises(UserError, match="tsne.perplexity: 60 for 30 test images"):
        tsne.main()


@pytest.mark.usefixtures("features")
def test_it_takes_as_many_images_as_it_is_told(world):
    world(**{"tsne.images": 15})
    tsne.main()
    rows = [int(row["row"]) for row in read_csv("plots/tsne.csv")]
    assert len(set(rows)) == 15
    assert (rows[0], rows[-1]) == (0, 29)


def test_features_of_one_column_are_refused(features):
    one = {name: array[:, :1] if name[0] == "X" else array for name, array in features.items()}
    np.savez("data/features.npz", **one, classes=np.array(["a", "b", "c"]))
    with pytest.raises(UserError, match="t-SNE needs features of two columns or more"):
        tsne.main()
