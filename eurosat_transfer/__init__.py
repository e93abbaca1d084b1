"""Compare ways of classifying satellite tiles by transfer learning, reproducibly."""

__version__ = "0.3.0"
