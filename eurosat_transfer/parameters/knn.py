"""The section `knn`: the nearest-neighbour classifier."""

from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.section import Count, Section, SectionLookup
from eurosat_transfer.parameters.split import Split


class Knn(Section):
    """How many neighbours vote."""

    k: Count

    def check_with(self, sections: SectionLookup) -> None:
        """Check that there are at least k training images."""
        if sections.section(Extract).features is not None:
            return  # the precomputed file replaces the split; the knn stage checks its number of images
        train = sections.section(Split).train
        if train != "all" and self.k > train:
            raise ValueError(f"knn.k must not be above split.train, which is {train} (found {self.k})")
