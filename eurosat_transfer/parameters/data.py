"""The section `data`: which data set the download stage prepares."""

from typing import Annotated, Self

from pydantic import model_validator

from eurosat_transfer.parameters.section import AsText, Bands, Scale, Section, Sha256, Text


class Data(Section):
    """Which data set to use, with its source."""

    name: Text
    path: Annotated[str | None, AsText]
    url: Annotated[str | None, AsText]
    sha256: Sha256 | None
    bands: Bands | None
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
            if self.name != "folder" and value is not None:
                raise ValueError(
                    f"data.{option} must be null unless data.name is 'folder' "
                    f"(found {value!r} with data.name {self.name!r})"
                )
        if self.name != "eurosat" and self.url is not None:
            raise ValueError(
                f"data.url must be null unless data.name is 'eurosat' (found {self.url!r} with data.name {self.name!r})"
            )
        if self.url is None and self.sha256 is not None:
            raise ValueError("data.sha256 must be null unless data.url is set: it is the checksum of that file")
        return self
