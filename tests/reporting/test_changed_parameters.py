"""Parameters that differ from the defaults."""

from conftest import REPOSITORY

from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.reporting.changed_parameters import changed_parameters, data_name, default_parameters

DEFAULTS = {"svm": {"C": 10}, "backbone": {"options": {}, "pretrain": {"images": 8000}}}


def test_the_defaults_are_the_committed_parameters():
    """`cp params.yaml eurosat_transfer/parameters/defaults.yaml` after a change of a default."""
    assert changed_parameters(load_parameters(REPOSITORY / "params.yaml").as_dict(), default_parameters()) == {}
    assert (REPOSITORY / "eurosat_transfer/parameters/defaults.yaml").read_text() == (
        REPOSITORY / "params.yaml"
    ).read_text()


def test_equal_parameters_are_not_listed():
    assert changed_parameters(DEFAULTS, DEFAULTS) == {}


def test_changed_parameters_are_listed_by_their_full_names():
    params = {"svm": {"C": 1}, "backbone": {"options": {}, "pretrain": {"images": 128}}}
    assert changed_parameters(params, DEFAULTS) == {"svm.C": 1, "backbone.pretrain.images": 128}


def test_options_of_the_network_are_one_value():
    params = DEFAULTS | {"backbone": DEFAULTS["backbone"] | {"options": {"alpha": 0.35}}}
    assert changed_parameters(params, DEFAULTS) == {"backbone.options": {"alpha": 0.35}}


def test_a_parameter_without_a_default_is_listed():
    assert changed_parameters(DEFAULTS | {"newcomer": {"k": 3}}, DEFAULTS) == {"newcomer.k": 3}


def test_data_is_named_by_its_data_set_or_by_its_folder():
    assert data_name({"data": {"name": "eurosat", "path": None}}) == "eurosat"
    assert data_name({"data": {"name": "folder", "path": "/home/ann/my tiles/"}}) == "my tiles"
    assert data_name({"data": {"name": "folder", "path": "/home/ann/tiles.zip"}}) == "tiles.zip"
