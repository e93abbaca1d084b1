"""The builder for EuroSAT RGB: 27,000 Sentinel-2 tiles of 64x64 pixels in ten classes, under the MIT licence.

Source:
    Helber et al., 2019, https://arxiv.org/abs/1709.00029
    https://github.com/phelber/EuroSAT
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from eurosat_transfer.data.builders.folder import Folder
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.download import fetch_file

Mirrors = Sequence[tuple[str, str]]  # address and checksum

# The first archive is the official one. The others are a permitted copy of the original archive,
# and its original host, which is retired. The original archive has another folder structure, with the same tiles.
MIRRORS = (
    ("https://zenodo.org/records/7711810/files/EuroSAT_RGB.zip", "md5:f46e308c4d50d4bf32fedad2d3d62f3b"),
    (
        "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
        "sha256:8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
    ),
    (
        "https://madm.dfki.de/files/sentinel/EuroSAT.zip",
        "sha256:8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd",
    ),
)


def fetch_archive(url: str | None, sha256: str | None, mirrors: Mirrors | None = None) -> Path:
    """Fetch an archive from a given source, or else from the first mirror that has it.

    Args:
        url: an address or a path. None tries the mirrors in turn.
        sha256: checksum of the file at url. None skips the check.
        mirrors: addresses with their checksums. None: those of EuroSAT RGB.

    Returns:
        The path of the archive.

    Raises:
        UserError: url, or every mirror, failed. The message names every address that was tried.
    """
    if url is not None:
        return fetch_file(url, f"sha256:{sha256}" if sha256 else None, "data.url")
    failures = []
    for mirror, checksum in MIRRORS if mirrors is None else mirrors:
        try:
            return fetch_file(mirror, checksum, "mirror")
        except UserError as error:
            print(error)
            failures.append(str(error).removeprefix("mirror: "))
    tried = "; ".join(failures)
    raise UserError(f"no mirror has EuroSAT: {tried}; set data.url=<address or path> to use a copy of your own")


class Eurosat(Folder):
    """EuroSAT RGB, from an archive with `2750/<Class>/*.jpg` or `EuroSAT_RGB/<Class>/*.jpg`.

    Tiles are stored under their file names alone, so that both archives give the same data set.
    """

    DESCRIPTION = "EuroSAT RGB (Helber et al., 2019): Sentinel-2 tiles of 64x64 pixels."

    def _key(self, name: str) -> str:
        return PurePosixPath(name).name
