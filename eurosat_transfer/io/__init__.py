"""Files: atomic writes, formats, arrays on disk, downloads."""
