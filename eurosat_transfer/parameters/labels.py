"""The section `labels`: the label curve, accuracy against the number of labels."""

from eurosat_transfer.parameters.section import Count, Section


class Labels(Section):
    """The sizes of the training subsets, with the number of random draws for each size."""

    sizes: list[Count]
    draws: Count
