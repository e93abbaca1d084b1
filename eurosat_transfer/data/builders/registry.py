"""The builders of data sets, by the name of the data set."""

import re
from pathlib import Path

from eurosat_transfer.data.builders.eurosat import Eurosat, fetch_archive
from eurosat_transfer.data.builders.folder import Folder
from eurosat_transfer.data.builders.landcover_demo import LandcoverDemo
from eurosat_transfer.data.dataset import check_kinds
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.data import Data


def create_rendering(params: Data) -> Rendering:
    """Create the rendering of images that data.bands and data.scale ask for."""
    bands = None if params.bands is None else (params.bands[0], params.bands[1], params.bands[2])
    return Rendering(bands, None if params.scale is None else (params.scale[0], params.scale[1]))


def create_builder(params: Data, data_dir: Path | str) -> tfds.core.DatasetBuilder:
    """Create the TFDS builder of the data set that data.name names. EuroSAT's archive is downloaded if necessary.

    Args:
        params: which data set, and where it comes from.
        data_dir: where this project's builders put the prepared data set. TFDS' builders use TFDS' own folder, which
            other projects share.

    Raises:
        UserError: there is no such data set, it is not one of images with class labels, or its source is missing or
            damaged.
    """
    match params.name:
        case "landcover-demo":
            return LandcoverDemo(data_dir=data_dir)
        case "eurosat":
            return Eurosat(path=str(fetch_archive(params.url, params.sha256)), data_dir=data_dir)
        case "folder":
            return Folder(path=str(params.path), data_dir=data_dir, rendering=create_rendering(params))
    known = "landcover-demo, eurosat, folder, or the name of a TFDS image-classification data set"
    # What follows a colon is a version, or else the colon follows a namespace: TFDS' own rule. TFDS fetches the data
    # sets of a namespace, and the code of some of them, from elsewhere.
    if re.match(r"[\w-]+:(?!\d)", params.name):
        raise UserError(f"data.name: {params.name!r} has a namespace; allowed: {known}, without a namespace")
    try:
        builder = tfds.builder(params.name)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:  # AssertionError: unknown version
        reason = str(error).splitlines()[0]
        raise UserError(f"data.name: there is no data set {params.name!r} ({reason}); allowed: {known}") from None
    check_kinds(builder.name, builder.info)  # before a download begins
    return builder
