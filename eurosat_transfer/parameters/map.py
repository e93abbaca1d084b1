"""The section `map`: the scene that the map stage maps."""

from typing import Annotated, Literal

from pydantic import Field

from eurosat_transfer.parameters.data import Data
from eurosat_transfer.parameters.section import AsText, Bands, Count, Scale, Section, SectionLookup, Text

FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Offset = Annotated[list[FiniteNumber], Field(min_length=3, max_length=3)]
Coverage = Annotated[float, Field(gt=0, lt=1)]


class Map(Section):
    """Which scene is mapped, and how."""

    scene: Annotated[Literal["auto"] | Text | None, AsText]
    window: Count | Literal["auto"]
    stride: Count | Literal["auto"]
    bands: Bands | None
    scale: Scale | None
    offset: Offset
    nodata: float | None
    max_nodata: Share
    coverage: Coverage
    force: bool
    dense: Literal["auto", "never"]

    def check_with(self, sections: SectionLookup) -> None:
        """Check that there is a model for the scene."""
        if self.scene not in (None, "auto") and sections.section(Data).bands == "all":
            raise ValueError(
                f"map.scene must be null or auto with data.bands all (found {self.scene!r}), because no model of all "
                "bands is saved; set data.bands to three bands"
            )
