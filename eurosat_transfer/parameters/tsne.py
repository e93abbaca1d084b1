"""The section `tsne`: the t-SNE picture of the test images."""

from typing import Literal

from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.section import Count, PositiveNumber, Section, SectionLookup, Seed
from eurosat_transfer.parameters.split import Split


class Tsne(Section):
    """How many images t-SNE shows, with which perplexity."""

    images: Count | Literal["all"]
    perplexity: PositiveNumber
    seed: Seed

    def check_with(self, sections: SectionLookup) -> None:
        """Check that the perplexity is below the number of test images that t-SNE shows."""
        if sections.section(Extract).features is not None:
            return  # the precomputed file replaces the split; the tsne stage checks its number of images
        split = sections.section(Split)
        limits = [] if self.images == "all" else [self.images]
        if split.test != "all":
            limits.append(-(-split.test // split.folds))  # t-SNE shows the first fold
        if limits and self.perplexity >= min(limits):
            raise ValueError(
                f"tsne.perplexity must be below the number of images that t-SNE shows, which is "
                f"{min(limits)} with these values of tsne.images and split.test (found {self.perplexity:g})"
            )
