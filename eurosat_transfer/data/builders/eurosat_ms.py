"""The builder for EuroSAT with 13 bands: 27,000 Sentinel-2 tiles of 64x64 pixels, 16 bits, under the MIT licence.

Source:
    Helber et al., 2019, https://arxiv.org/abs/1709.00029
    https://github.com/phelber/EuroSAT
"""

from pathlib import Path, PurePosixPath

from eurosat_transfer.data.band_choice import BandChoice
from eurosat_transfer.data.band_names import EUROSAT, EUROSAT_PICTURE
from eurosat_transfer.data.builders.eurosat import fetch_archive
from eurosat_transfer.data.builders.folder import Folder
from eurosat_transfer.data.rasters import BandLayout
from eurosat_transfer.data.rendering import Scale

# The first archive is the official one. The others are a copy of the original archive, and its original host, which is
# retired. The original archive has another folder structure, with the same tiles.
MIRRORS = (
    ("https://zenodo.org/records/7711810/files/EuroSAT_MS.zip", "md5:091174add3c8e680a49244acf185b9f0"),
    (
        "https://huggingface.co/datasets/torchgeo/eurosat/resolve/1ce6f1bfb56db63fd91b6ecc466ea67f2509774c/"
        "EuroSATallBands.zip",
        "sha256:751f070f9bffa2eed48b24ca2dd0b02959280c08837e8c9a5532a67ba611df59",
    ),
    (
        "https://madm.dfki.de/files/sentinel/EuroSATallBands.zip",
        "sha256:751f070f9bffa2eed48b24ca2dd0b02959280c08837e8c9a5532a67ba611df59",
    ),
)
SCALE = (0.0, 2750.0)  # of the authors' RGB images


def fetch_ms_archive(url: str | None, sha256: str | None) -> Path:
    """Fetch the archive with 13 bands, as fetch_archive does for EuroSAT RGB.

    Args:
        url: an address or a path. None tries the mirrors in turn.
        sha256: checksum of the file at url. None skips the check.

    Raises:
        UserError: url, or every mirror, failed. The message names every address that was tried.
    """
    return fetch_archive(url, sha256, MIRRORS)


class EurosatMs(Folder):
    """EuroSAT with 13 bands, from an archive with `EuroSAT_MS/<Class>/*.tif` or `ds/images/.../tif/<Class>/*.tif`.

    Tiles are stored under their file names alone, so that both archives give the same data set. Their files do not name
    the bands.
    """

    DESCRIPTION = "EuroSAT with 13 bands (Helber et al., 2019): Sentinel-2 tiles of 64x64 pixels."

    def __init__(
        self, *, path: str, data_dir: Path | str, bands: BandChoice | None = None, scale: Scale | None = None
    ) -> None:
        """Find the images. Their pixels are not read yet.

        Args:
            path: of the archive.
            data_dir: where TFDS puts the prepared data set.
            bands: a choice of bands. None: B04, B03 and B02, the natural colours.
            scale: the values that become 1 and 255. None: 0 and 2750, as in the authors' RGB images.

        Raises:
            UserError: as for Folder.
        """
        super().__init__(path=path, data_dir=data_dir, bands=bands or EUROSAT_PICTURE, scale=scale or SCALE)

    def _find_layout(self, path: str, bands: BandChoice) -> BandLayout:  # noqa: ARG002 - they are known
        return BandLayout(EUROSAT, "uint16")

    def _key(self, name: str) -> str:
        return PurePosixPath(name).name
