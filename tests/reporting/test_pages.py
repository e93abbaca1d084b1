"""Pages of the report."""

import base64
import io
import re
from functools import partial
from pathlib import Path

import example_run
import pytest
from example_run import (
    ACTUAL,
    CLASSES,
    FILES,
    ExampleDataset,
    accuracy,
    example_folds,
    example_selection,
    write_comparison,
    write_run,
)
from PIL import Image

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.reporting import pages
from eurosat_transfer.reporting.changed_parameters import default_parameters
from eurosat_transfer.reporting.results import RunResults, load_results

NONE = "\N{EN DASH}"
PARAMS = default_parameters()
DATA = "metrics/data.json"


def write_example_pages(classes=CLASSES, params=PARAMS, selection=None, **predictions) -> dict[str, str]:
    """Write the pages of an example run in the current folder, and return their texts by name."""
    write_run(classes, **predictions)
    pages.write_report(params, load_results(), ExampleDataset(), selection or example_selection(classes))
    return {path.name: path.read_text(encoding="utf-8") for path in Path("report").iterdir()}


@pytest.fixture
def write_pages(tmp_path, monkeypatch):
    """Change to an empty folder, and return the function that writes the pages there."""
    monkeypatch.chdir(tmp_path)
    return write_example_pages


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, str]:
    """Write the pages of a run without mistakes once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("pages"))
        return write_example_pages()


@pytest.fixture
def results(tmp_path, monkeypatch) -> RunResults:
    """Load the results of a run in which knn and svm make mistakes."""
    monkeypatch.chdir(tmp_path)
    write_run(knn=["SeaLake", "SeaLake", "Forest", "SeaLake"], svm=["SeaLake", *ACTUAL[1:]])
    return load_results()


def markdown_tables(text: str) -> list[list[list[str]]]:
    """Split the tables of a Markdown page into cells."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block] for block in blocks]


def html_table(page: str, heading: str) -> list[list[str]]:
    """Read the cells of the first table after a heading."""
    table = re.search(rf"{heading}.*?<table>(.*?)</table>", page, re.DOTALL)[1]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in lines]
    return [[re.sub(r"<small>.*?</small>|<span.*?</span>", "", cell) for cell in row] for row in cells]


def image_index(data_uri: str) -> int:
    """Find which image of the example data set a data URI shows, by its colour."""
    content = base64.b64decode(data_uri.partition("base64,")[2])
    return round(Image.open(io.BytesIO(content)).getpixel((0, 0))[0] / 10)


def test_three_pages_are_written(written):
    assert set(written) == {"report.html", "explore.html", "report.md"}


def test_the_markdown_page_has_the_scores_of_all_classifiers(written):
    scores, *_ = markdown_tables(written["report.md"])
    assert scores[0][1:] == [
        "test accuracy", "95 % interval", "macro F1", "log-loss", "Brier score", "calibration error (chance: up to)",
        "val accuracy", "labels",
    ]  # fmt: skip
    assert [row[0] for row in scores[2:]] == list(reversed(CLASSIFIERS))
    for name, *cells in scores[2:]:
        assert cells == [
            f"{accuracy(name):.3f}", "0.300 to 0.950", "0.700", "0.875", "0.375", "0.062 (0.125)", "0.250", "40",
        ]  # fmt: skip


def test_the_markdown_page_has_the_label_curves_and_f1_by_class(written):
    _, labels, f1 = markdown_tables(written["report.md"])
    measured_by_labels = ["probe", "svm"]
    with_curves = ["finetune", *measured_by_labels]
    assert labels == [
        ["labelled images", *with_curves],
        ["---"] * 4,
        ["10", "0.450", "0.400 (sd 0.020, se 0.005, 20 draws)", "0.300 (sd 0.020, se 0.005, 20 draws)"],
        ["20", "", "0.600 (sd 0.010, se 0.005, 20 draws)", "0.300 (sd 0.010, se 0.005, 20 draws)"],
        ["40", *(f"{accuracy(name):.3f}" for name in with_curves)],
    ]
    names = list(reversed(CLASSIFIERS))
    figures = [f"{accuracy(name) + 0.2:.3f}" for name in names]
    assert f1[0] == ["F1", *names, "test images"]
    assert f1[2:] == [["Forest", *figures, "2"], ["SeaLake", *figures, "2"]]


def test_all_rows_of_a_markdown_table_have_the_same_number_of_cells(write_pages):
    tables = markdown_tables(write_pages(classes=["a|b", "c"])["report.md"])
    assert len(tables) == 3
    assert all(len(set(map(len, table))) == 1 for table in tables)
    assert tables[2][2][0] == "a&#124;b"


def test_the_html_page_has_the_scores_of_all_classifiers(written):
    page = written["report.html"]
    header, *rows = html_table(page, "How good is each classifier")
    assert header[1:] == [
        "test accuracy", "95 % interval", "macro F1", "log-loss", "Brier score", "calibration error", "val accuracy",
    ]  # fmt: skip
    assert [row[0] for row in rows] == list(reversed(CLASSIFIERS))
    cells = {name: cells for name, *cells in rows}
    assert cells["svm"] == [
        f"{accuracy('svm'):.3f}", "0.300 to 0.950", "0.700", "0.875", "0.375", "0.062 (up to 0.125)", "0.250",
    ]  # fmt: skip


def test_the_html_page_has_the_costs_of_all_classifiers(written):
    header, *rows = html_table(written["report.html"], "What each classifier needs")
    assert header[1:6] == ["labels", "passes", "in training", "steps", "a new image"]
    cells = {name: cells for name, *cells in rows}
    assert cells["pixels"][:6] == ["40", "0", "0", "0", "0", NONE]
    assert cells["svm"][:6] == ["40", "8", "0", "0", "1", NONE]
    assert cells["finetune"][2:6] == ["30", "10", "1", "lr 0.03 "]
    assert cells["svm"][6] == CLASSIFIERS["svm"]


def test_every_heading_of_a_score_is_explained(written):
    table = re.search(r"How good is each.*?<tr>(.*?)</tr>", written["report.html"], re.DOTALL)[1]
    assert table.count("<th>") - 1 == table.count("<small>") == 7


def test_the_html_page_has_f1_by_class(written):
    header, *rows = html_table(written["report.html"], "F1 by class")
    assert header == ["", *reversed(CLASSIFIERS), "test images"]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        (name, f"{accuracy(next(reversed(CLASSIFIERS))) + 0.2:.3f}", "2") for name in CLASSES
    ]


def test_a_new_classifier_is_on_all_pages(write_pages, monkeypatch):
    monkeypatch.setitem(CLASSIFIERS, "newcomer", "a linear discriminant analysis")
    written = write_pages()
    assert html_table(written["report.html"], "How good is each")[1][0] == "newcomer"
    assert html_table(written["report.html"], "F1 by class")[0][1] == "newcomer"
    assert "a linear discriminant analysis" in written["report.html"]
    assert 'id="confusion-newcomer"' in written["report.html"]
    assert '"newcomer wrong"' in written["explore.html"]
    assert [table[0].count("newcomer") for table in markdown_tables(written["report.md"])] == [0, 0, 1]
    assert "| newcomer | " in written["report.md"]


def test_every_chart_has_a_place_and_a_specification_on_the_page(written):
    page = written["report.html"]
    places = set(re.findall(r'<div class="chart" id="([\w-]+)">', page))
    charts = re.search(r"^const charts = (.*);$", page, re.MULTILINE)[1]
    names = {name for name in places if f'"{name}": {{' in charts}
    assert places == names
    assert len(places) == 6 + len(CLASSIFIERS) + 4 + 2


def test_sentences_are_on_the_pages(written):
    best = next(reversed(CLASSIFIERS))
    for page in (written["report.html"], written["report.md"]):
        assert f"Use {best}." in page
        assert f"Its test accuracy is {accuracy(best):.3f}." in page
        assert "2 times as many labels" in page
        assert "Accuracy of probe minus that of svm" in page
        assert "ReLU converges after 100 (sd 20) iterations" in page
        assert "The network brings images of the same class closer together" in page
    assert "The network brings images of the same class closer together" in written["explore.html"]


def test_the_words_of_the_comparison_are_on_both_pages(written):
    best, second, *_ = reversed(CLASSIFIERS)
    for page in (written["report.html"], written["report.md"]):
        assert f"{best} is better than {second}." in page
    assert "<summary>All pairs in words</summary><ul><li>" in written["report.html"]


def test_the_title_names_the_data_and_what_differs_from_the_defaults(write_pages, written):
    assert "<title>landcover-demo: transfer learning</title>" in written["report.html"]
    assert "All parameters have their default values." in written["report.html"]
    data = {**PARAMS["data"], "name": "folder", "path": "/home/ann/fields"}
    changed = write_pages(params=PARAMS | {"data": data, "svm": PARAMS["svm"] | {"C": 1}})
    assert "<h1>Transfer learning on fields</h1>" in changed["report.html"]
    assert (
        "<title>fields: data.name=folder, data.path=/home/ann/fields, svm.C=1: transfer learning</title>"
        in changed["report.html"]
    )
    assert "Parameters that differ from the defaults: `data.name=folder, " in changed["report.md"]
    assert "<title>fields: explore" in changed["explore.html"]


def test_classes_with_few_test_images_are_named_beside_every_conclusion(write_pages, written):
    assert "fewer than 10 test images" not in written["report.html"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("example_run.write_comparison", partial(write_comparison, small_classes={"Forest": 2}))
        few = write_pages()
    sections = re.split("<h2", few["report.html"])
    named = [section for section in sections if "Forest (2)" in section]
    assert [re.search(r'id="([\w-]+)"', section)[1] for section in named[1:]] == [
        "comparison",
        "labels-title",
        "confusion",
    ]
    assert named[0].partition("<dt>How sure</dt>")[0].count("Forest (2)") == named[0].count("Forest (2)") == 1
    assert all("Forest (2)" in few[name] for name in ("report.md", "explore.html"))


@pytest.mark.usefixtures("write_pages")
def test_a_class_without_test_images_has_no_f1():
    blank = "class,precision,recall,f1,images\nForest,,,,0\nSeaLake,1,1,0.5,4\n"
    write_run()
    for name in CLASSIFIERS:
        Path(f"plots/{name}_classes.csv").write_text(blank)
    pages.write_report(PARAMS, load_results(), ExampleDataset(), example_selection())
    rows = html_table(Path("report/report.html").read_text(encoding="utf-8"), "F1 by class")
    assert rows[1] == ["Forest", *[NONE] * len(CLASSIFIERS), "0"]
    assert f"| Forest |{f' {NONE} |' * len(CLASSIFIERS)} 0 |" in Path("report/report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_pages_have_the_same_bytes_each_time(write_pages):
    assert write_pages() == write_pages()


def test_sizes_and_parameters_are_on_the_page(written):
    assert (
        "2 classes; 3 images for training, 1 for validation, 4 for the test. Network: tilenet."
        in written["report.html"]
    )
    assert "There are 3 train, 1 val and 4 test images. The backbone is tilenet." in written["report.md"]
    assert "has 474,720 parameters and computes 128 features per image" in written["report.html"]
    assert '\nbackbone:\n  name: "tilenet"\n' in written["report.html"].replace("&#34;", '"')
    assert re.search(r"numpy \d+\.\d+", written["report.html"])
    assert "Drawings, not satellite images." in written["report.html"]


def test_the_page_says_that_weights_are_random(write_pages, written):
    random = PARAMS | {"backbone": PARAMS["backbone"] | {"weights": "none"}}
    assert "tilenet with random weights" in write_pages(params=random)["report.html"]
    assert "with random weights" not in written["report.html"]


def test_mistakes_show_their_own_tiles_and_predictions(write_pages):
    wrong = ["Forest", "Forest", "Forest", "SeaLake"]  # the third image, whose index is 13
    page = write_pages(svm=wrong, probe=wrong)["report.html"]
    ((image, file, actual, predictions),) = re.findall(
        r'<div><img src="(data:[^"]+)" alt="([^"]+)"><b>(\w+)</b>\n<div class="file">13.png</div>\n<ul>(.*?)</ul>', page
    )
    assert (image_index(image), file, actual) == (13, "13.png", "SeaLake")
    assert '<li class="wrong">svm: Forest 0.75</li>' in predictions
    assert '<li class="wrong">probe: Forest 0.75</li>' in predictions
    assert '<li class="right">knn: SeaLake 0.75</li>' in predictions
    assert "There are none" not in page


def test_a_run_without_mistakes_says_so(written):
    assert "There are none: all classifiers predict all test images correctly." in written["report.html"]


def test_at_most_24_mistakes_are_shown(results):
    rows = [{"file": "file", "actual": "a", "predicted": "b"}] * 30
    mistakes = pages.show_mistakes(results._replace(predictions={"svm": rows}), str)
    assert len(mistakes) == 24


def test_the_labels_that_look_wrong_are_shown_with_their_tiles(write_pages):
    page = write_pages()["report.html"]
    section = page.partition('id="suspects"')[2].partition("<h2")[0]
    assert "1 of 3 training images are flagged" in section
    assert re.findall(r'class="file">(.*?)<', section) == ["1", "0"]
    assert [image_index(uri) for uri in re.findall(r'src="(.*?)"', section)] == [1, 0]
    assert "this label: 0.025" in section
    assert "suggested: SeaLake 0.975" in section


def test_class_names_are_escaped_in_html(write_pages):
    evil = ["<script>alert(1)</script>", "b"]
    written = write_pages(classes=evil, svm=["b"] * 4)
    for name in ("report.html", "explore.html"):
        assert "<script>alert" not in written[name]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written["report.html"]
    assert "<script>" not in written["report.md"]
    assert written["report.md"].count("&lt;script>alert(1)&lt;/script>") == 2  # a weak class, and the table


def test_a_single_backtick_in_a_name_starts_no_code(write_pages):
    written = write_pages(classes=["a`b", "b"], svm=["b"] * 4)
    assert "a`b has F1" in written["report.html"]
    assert "a\\`b has F1" in written["report.md"]


def test_a_sentence_reads_the_same_everywhere_in_markdown(write_pages):
    def write(**changes):
        write_comparison(**changes)
        content = read_json("metrics/compare.json")
        for pair in content["pairs"]:
            pair["words"] += " (p < 1e-12) <River>"
        write_json("metrics/compare.json", content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("example_run.write_comparison", write)
        page = write_pages()["report.md"]
    best, second, *_ = reversed(CLASSIFIERS)
    assert page.count(f"{best} is better than {second} (p < 1e-12) &lt;River>.") == 2  # the conclusions and the list


def test_copies_and_contradictions_are_on_both_pages(write_pages, written):
    assert "copies of other images" not in written["report.html"] + written["report.md"]
    write_json_of_run = example_run.write_json

    def write(path, content):
        write_json_of_run(path, {"images": 20, "copies": 3, "contradictions": 2} if path == DATA else content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_run, "write_json", write)
        pair = write_pages()
    for page in (pair["report.html"], pair["report.md"]):
        assert "3 of the 20 images of the data set are copies of other images" in page
        assert "2 images have a copy with another label. They are left out" in page


def test_a_page_of_several_folds_has_no_label_curve_and_the_cost_of_all_folds(write_pages):
    written = write_pages(selection=example_folds())
    for page in (written["report.html"], written["report.md"]):
        assert "a cross-validation with 2 folds: every test image is tested once" in page
        assert "The label curve is of the first fold only, so it is not compared with the pooled accuracy." in page
        assert "times as many labels" not in page
        assert "has not measured what more labels" not in page
        assert "minus that of svm" not in page
    assert "4 for the test" in written["report.html"]
    assert "labelled images |" not in written["report.md"]
    cells = {name: cells for name, *cells in html_table(written["report.html"], "What each classifier needs")[1:]}
    assert cells["svm"][1] == "7"
    assert cells["finetune"][2:4] == ["60", "20"]  # 10 epochs with all 3 images of each fold


def test_commands_in_sentences_are_code(written):
    assert "<code>python -m eurosat_transfer seeds 3</code> measures it" in written["report.html"]
    assert "`python -m eurosat_transfer seeds 3` measures it" in written["report.md"]


def test_the_words_of_the_first_screen_are_explained_below_it(written):
    first_screen = written["report.html"].partition("<nav>")[0]
    for word in ("95 % interval", "simultaneous", "Holm", "F1", "pass"):
        assert word in first_screen.rpartition("</dl>")[2]


def test_the_scripts_are_part_of_the_pages(written):
    for name in ("report.html", "explore.html"):
        assert "<script>// Vega</script>" in written[name]
        assert not re.search(r'(src|href)="https?:', written[name])


def test_the_explorer_has_a_point_per_image_of_the_projection(results):
    rows = pages.explorer_points(results, lambda position: f"tile {position}")
    assert [(row["x"], row["y"], row["class"], row["image"]) for row in rows] == [
        (i, -i, ACTUAL[i], f"tile {i}") for i in range(4)
    ]
    assert [(row["row"], row["file"]) for row in rows] == [(i, FILES[i]) for i in range(4)]
    assert [row["knn"] for row in rows] == ["SeaLake", "SeaLake", "Forest", "SeaLake"]
    assert [row["svm"] for row in rows] == ["SeaLake", *ACTUAL[1:]]
    assert set(CLASSIFIERS) <= set(rows[0])


def test_points_of_the_explorer_are_found_by_their_row(results):
    results = results._replace(points=[results.points[2], results.points[0]])
    rows = pages.explorer_points(results, str)
    assert [(row["image"], row["knn"]) for row in rows] == [("2", "Forest"), ("0", "SeaLake")]


def test_many_points_are_thinned_out_evenly(results, monkeypatch):
    monkeypatch.setattr(pages, "MAX_EXPLORED", 3)
    assert [row["image"] for row in pages.explorer_points(results, str)] == ["0", "1", "3"]


@pytest.mark.slow
def test_the_pages_of_a_real_run_need_no_network(reproduced):
    for name in ("report.html", "explore.html"):
        page = (reproduced / "report" / name).read_text(encoding="utf-8")
        assert "window.vegaEmbed=" in page
        assert not re.search(r'<(script|link|img)[^>]*(src|href)="https?:', page)
