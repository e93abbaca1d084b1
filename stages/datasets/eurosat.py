"""EuroSAT RGB (Helber et al., 2019): 27,000 Sentinel-2 tiles of 64x64 pixels, ten classes; MIT licence."""

from pathlib import Path, PurePosixPath

from stages.common.fetch import fetch
from stages.common.stage import UserError
from stages.datasets.folder import Folder

# The official archive, the original one rehosted with the author's leave, and the original host, retired and last.
# The first is packed differently, with the same tiles in it.
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


def fetch_archive(url: str | None, sha256: str | None) -> Path:
    """Bring the archive here: from url (an address or a path), or else from the first mirror that gives it whole.

    Raises:
        UserError: url failed, or every mirror did: what was tried, and how to give a file of one's own.
    """
    if url is not None:
        return fetch(url, f"sha256:{sha256}" if sha256 else None, "data.url")
    failures = []
    for mirror, checksum in MIRRORS:
        try:
            return fetch(mirror, checksum, "mirror")
        except UserError as error:
            print(error)
            failures.append(str(error).removeprefix("mirror: "))
    tried = "; ".join(failures)
    raise UserError(f"no mirror gave EuroSAT: {tried}; with a copy of your own: data.url=<address or path of the zip>")


class Eurosat(Folder, skip_registration=True):
    """EuroSAT RGB, from `2750/<Class>/*.jpg` or `EuroSAT_RGB/<Class>/*.jpg`: the same tiles in the same order."""

    DESCRIPTION = "EuroSAT RGB (Helber et al., 2019): Sentinel-2 tiles of 64x64 pixels."

    def _key(self, name: str) -> str:
        return PurePosixPath(name).name
