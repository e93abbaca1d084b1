"""The section `spread`: the classifier that spreads labels to unlabelled images."""

from eurosat_transfer.parameters.section import Count, Fraction, Section


class Spread(Section):
    """The graph that labels spread over, and how far they spread."""

    neighbours: Count
    components: Count
    alpha: Fraction
