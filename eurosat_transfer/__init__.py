"""Compare ways of classifying satellite tiles by transfer learning, reproducibly."""

from eurosat_transfer.home import provide_home

__version__ = "0.3.0"

provide_home()  # before any library asks for it
