"""The section `data`: which data set the download stage prepares."""

from typing import Annotated, Self

from pydantic import model_validator

from eurosat_transfer.parameters.section import AsText, BandChoice, Scale, Section, Sha256, Text


class Data(Section):
    """Which data set to use, with its source."""

    name: Text
    path: Annotated[str | None, AsText]
    url: Annotated[str | None, AsText]
    sha256: Sha256 | None
    bands: BandChoice | None
    scale: Scale | None

    @model_validator(mode="after")
    def _check_that_the_source_fits_the_name(self) -> Self:
        if self.name == "folder" and self.path is None:
            raise ValueError("data.path must be a folder or a zip file of one if data.name is 'folder' (found null)")
        if self.name != "folder" and self.path is not None:
            raise ValueError(
                f"data.path must be null unless data.name is 'folder' "
                f"(found {self.path!r} with data.name {self.name!r})"
            )
        for option, value in (("bands", self.bands), ("scale", self.scale)):
            if self.name in ("landcover-demo", "eurosat") and value is not None:
                raise ValueError(
                    f"data.{option} must be null if data.name is {self.name!r}, whose images are RGB "
                    f"(found {value!r}); eurosat-ms has EuroSAT's 13 bands"
                )
        if self.name not in ("eurosat", "eurosat-ms") and self.url is not None:
            raise ValueError(
                f"data.url must be null unless data.name is 'eurosat' or 'eurosat-ms' "
                f"(found {self.url!r} with data.name {self.name!r})"
            )
        if self.url is None and self.sha256 is not None:
            raise ValueError("data.sha256 must be null unless data.url is set: it is the checksum of that file")
        return self
