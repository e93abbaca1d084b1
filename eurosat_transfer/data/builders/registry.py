"""The builders of data sets, by the name of the data set."""

import re
from collections.abc import Sequence
from pathlib import Path

from eurosat_transfer.data.band_choice import describe_choice, is_numbers
from eurosat_transfer.data.band_names import EUROSAT, EUROSAT_PICTURE
from eurosat_transfer.data.builders.eurosat import Eurosat, fetch_archive
from eurosat_transfer.data.builders.eurosat_ms import SCALE, EurosatMs, fetch_ms_archive
from eurosat_transfer.data.builders.folder import Folder
from eurosat_transfer.data.builders.landcover_demo import LandcoverDemo
from eurosat_transfer.data.builders.tfds_bands import TfdsBands, holds_bands
from eurosat_transfer.data.dataset import check_kinds
from eurosat_transfer.data.rendering import Rendering, Scale
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.data import Data


def create_rendering(params: Data) -> Rendering:
    """Create the rendering of single images that data.bands and data.scale ask for.

    Args:
        params: which data set, with the bands and the scale of its pictures.

    Raises:
        UserError: networks see all bands, or the names of the bands are known for a whole data set only.
    """
    scale = to_scale(params.scale)
    if params.name == "eurosat-ms" and params.bands != "all":
        return describe_choice(params.bands or EUROSAT_PICTURE, EUROSAT, scale or SCALE).rendering
    if params.bands is None:
        return Rendering(None, scale)
    if not is_numbers(params.bands):
        raise UserError(
            f"data.bands={params.bands} is for whole data sets; single images need the numbers of three bands, such as "
            "data.bands=[4,3,2]"
        )
    red, green, blue = (int(band) for band in params.bands)
    return Rendering((red, green, blue), scale)


def to_scale(ends: Sequence[float] | None) -> Scale | None:
    """Return data.scale as a pair."""
    return None if ends is None else (ends[0], ends[1])


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
        case "eurosat-ms":
            describe_choice(params.bands or EUROSAT_PICTURE, EUROSAT, None)  # refuses a wrong name before the download
            archive = str(fetch_ms_archive(params.url, params.sha256))
            return EurosatMs(path=archive, data_dir=data_dir, bands=params.bands, scale=to_scale(params.scale))
        case "folder":
            scale = to_scale(params.scale)
            return Folder(path=str(params.path), data_dir=data_dir, bands=params.bands, scale=scale)
    known = "landcover-demo, eurosat, eurosat-ms, folder, or the name of a TFDS image-classification data set"
    # What follows a colon is a version, or else the colon follows a namespace: TFDS' own rule. TFDS fetches the data
    # sets of a namespace, and the code of some of them, from elsewhere.
    if re.match(r"[\w-]+:(?!\d)", params.name):
        raise UserError(f"data.name: {params.name!r} has a namespace; allowed: {known}, without a namespace")
    try:
        builder = tfds.builder(params.name)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError) as error:  # AssertionError: unknown version
        reason = str(error).splitlines()[0]
        raise UserError(f"data.name: there is no data set {params.name!r} ({reason}); allowed: {known}") from None
    if holds_bands(builder.info):
        return TfdsBands(builder, data_dir=data_dir, bands=params.bands, scale=to_scale(params.scale))
    check_kinds(builder.name, builder.info)  # before a download begins
    for option, value in (("bands", params.bands), ("scale", params.scale)):
        if value is not None:
            raise UserError(f"data.{option}={value}: {params.name} has images of 8 bits; set data.{option}=null")
    return builder
