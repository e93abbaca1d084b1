"""The rendering of rasters: how the bands of a satellite image become an 8-bit RGB image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Bands = tuple[int, int, int]
Scale = tuple[float, float]

DARKEST, BRIGHTEST = 1, 255  # the ends of the scale; 0 is left for pixels without data
EXAMPLES: dict[str, tuple[float, ...]] = {"bands": (4, 3, 2), "scale": (0, 2750)}  # EuroSAT's own, for Sentinel-2


class RenderingError(ValueError):
    """A raster does not fit the rendering. The message is the reason, without the name of the raster.

    Attributes:
        option: which part of the rendering mends it: "bands" or "scale".
        example: a value of the option, for a message. The caller knows how its user writes the option.
    """

    def __init__(self, reason: str, option: str, example: Sequence[float] | None = None) -> None:
        """Hold the reason.

        Args:
            reason: what is wrong, with the value found and what is allowed.
            option: "bands" or "scale".
            example: a value of the option. None takes EuroSAT's own.
        """
        super().__init__(reason)
        self.option = option
        self.example = tuple(EXAMPLES[option] if example is None else example)


@dataclass(frozen=True)
class Rendering:
    """How a raster becomes an 8-bit RGB image.

    Attributes:
        bands: the numbers of the bands for red, green, blue, from 1. None: a raster of one band becomes grey, and one
            of three bands is red, green, blue. In both, a further alpha band is ignored.
        scale: the value that becomes 1, and the value that becomes 255. The values between them become linear, and the
            values outside of them are clipped. None: the values must be 8-bit, and stay as they are.

    Source:
        Helber et al., 2019, https://arxiv.org/abs/1709.00029: EuroSAT's RGB images have the bands 4, 3, 2 of
        Sentinel-2, with `gdal_translate -scale 0 2750 1 255`.
    """

    bands: Bands | None = None
    scale: Scale | None = None

    @property
    def keeps_rgb(self) -> bool:
        """Whether an 8-bit RGB image stays as it is."""
        return self.bands in (None, (1, 2, 3)) and self.scale is None

    def choose_bands(self, count: int, *, alpha: bool = False) -> Bands:
        """Choose the bands for red, green, blue.

        Args:
            count: how many bands the raster has.
            alpha: whether the last of them is an alpha band.

        Returns:
            Three numbers of bands, from 1.

        Raises:
            RenderingError: the raster does not have these bands, or it has several and nothing says which to take.
        """
        if self.bands is not None:
            if max(self.bands) > count:
                example = (1, 1, 1) if count < 3 else (1, 2, 3) if count == 3 else (3, 2, 1)
                raise RenderingError(f"has {count} bands, and not all of {_as_text(self.bands)}", "bands", example)
            return self.bands
        match count - alpha:
            case 1:
                return (1, 1, 1)
            case 3:
                return (1, 2, 3)
        raise RenderingError(f"has {count} bands; allowed without the numbers of three bands: 1 or 3", "bands")

    def apply(self, raster: np.ndarray, nodata: np.ndarray | None = None, *, alpha: bool = False) -> np.ndarray:
        """Render a raster: choose three bands and scale them.

        Args:
            raster: (bands, height, width), integers or floating-point numbers.
            nodata: boolean, (height, width): the pixels that have no data. None: all have data.
            alpha: whether the last band is an alpha band.

        Returns:
            uint8, (height, width, 3), RGB. Pixels without data, or with a NaN, are 0 in all three channels.

        Raises:
            RenderingError: see choose_bands and scale_values.
        """
        bands = self.choose_bands(len(raster), alpha=alpha)
        return self.scale_values(raster[np.array(bands) - 1], nodata)

    def scale_values(self, chosen: np.ndarray, nodata: np.ndarray | None = None) -> np.ndarray:
        """Scale the values of the chosen bands to 8 bits.

        Args:
            chosen: (channels, height, width): red, green, blue, as choose_bands says, or any other bands.
            nodata: boolean, (height, width), as for apply.

        Returns:
            uint8, (height, width, channels), as for apply.

        Raises:
            RenderingError: the values have more than 8 bits and there is no scale, or they have 8 bits and the scale is
                one for larger values.
        """
        missing = np.zeros(chosen.shape[1:], bool) if nodata is None else nodata.copy()
        if chosen.dtype.kind == "f":
            missing |= np.isnan(chosen).any(axis=0)
        image = np.empty((*chosen.shape[1:], len(chosen)), np.uint8)
        stay = self._check_depth(chosen, missing)
        for channel, values in enumerate(chosen):
            image[..., channel] = values if stay else self._scaled(values)
        image[missing] = 0
        return image

    def _check_depth(self, chosen: np.ndarray, missing: np.ndarray) -> bool:
        """Tell whether the values stay as they are, or raise RenderingError if they do not fit the scale."""
        if self.scale is None and chosen.dtype != np.uint8:
            known = chosen[:, ~missing]
            span = f"from {known.min():.6g} to {known.max():.6g}" if known.size else "all missing"
            raise RenderingError(f"has {chosen.dtype} values ({span}); allowed without a scale: uint8", "scale")
        if self.scale is not None and chosen.dtype == np.uint8 and self.scale[1] > np.iinfo(np.uint8).max:
            raise RenderingError(
                f"has uint8 values, which end at 255; the scale {_as_text(self.scale)} is for images of larger values",
                "scale",
                (0, 255),
            )
        return self.scale is None

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        assert self.scale is not None
        low, high = self.scale
        with np.errstate(over="ignore", invalid="ignore"):  # of infinite values; the caller overwrites NaN
            steps = (values.astype(np.float64) - low) * (BRIGHTEST - DARKEST) / (high - low)
            scaled = np.floor(np.clip(steps + DARKEST, DARKEST, BRIGHTEST) + 0.5)  # GDAL rounds halves up too
        return np.nan_to_num(scaled, nan=0).astype(np.uint8)


def _as_text(numbers: Sequence[float]) -> str:
    return f"[{', '.join(f'{number:g}' for number in numbers)}]"
