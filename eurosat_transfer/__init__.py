"""Compare ways of classifying satellite tiles by transfer learning, reproducibly."""

__version__ = "0.2.0"
