"""The parameters of params.yaml: one module for each section, named like the section."""
