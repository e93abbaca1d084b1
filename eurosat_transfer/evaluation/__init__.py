"""Measures of the quality of classifiers and of features."""
