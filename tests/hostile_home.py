"""A home folder and environment variables with settings of other projects, each of which would change results."""

import json
from pathlib import Path

KERAS_JSON = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.5, "backend": "jax"}
MATPLOTLIBRC = """
backend: qtagg
font.size: 20
savefig.dpi: 30
savefig.bbox: tight
axes.prop_cycle: cycler("color", ["red"])
text.usetex: True
"""
GDALRC = """
[configoptions]
GDAL_PAM_ENABLED=NO
GDAL_TIFF_OVR_BLOCKSIZE=64
"""
PROJ_INI = """
[general]
network = on
"""
VARIABLES = {
    "COLUMNS": "40",
    "GDAL_SKIP": "COG",
    "GDAL_TIFF_OVR_BLOCKSIZE": "64",
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "1",
    "LC_ALL": "C",
    "FREETYPE_PROPERTIES": "truetype:interpreter-version=35",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as in a terminal that Jupyter has opened
    "MPLCONFIGDIR": "",
    "OMP_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OV_CPU_MAX_ISA": "SSE41",
    "PROJ_DATA": "/dev/null",
    "PROJ_LIB": "/dev/null",
    "PROJ_NETWORK": "ON",
    "PYTHONHASHSEED": "1",
    "PYTHONOPTIMIZE": "1",
    "SCIPY_ARRAY_API": "1",
    "SKLEARN_PAIRWISE_DIST_CHUNK_SIZE": "16",
    "SOURCE_DATE_EPOCH": "0",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "TZ": "Pacific/Auckland",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
}


def write_hostile_home(folder: Path) -> dict[str, str]:
    """Write the home folder, and return the variables of a process that uses it."""
    files = {
        ".keras/keras.json": json.dumps(KERAS_JSON),
        ".config/matplotlib/matplotlibrc": MATPLOTLIBRC,
        ".gdal/gdalrc": GDALRC,
        ".local/share/proj/proj.ini": PROJ_INI,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    folders = {
        "HOME": ".",
        "KERAS_HOME": ".keras",
        "XDG_CACHE_HOME": ".cache",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
    }
    return VARIABLES | {name: str(folder / subfolder) for name, subfolder in folders.items()}
