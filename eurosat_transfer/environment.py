"""Removal of environment variables by which settings of other projects would reach results.

docs/reproducibility.md lists what each of them would change.
"""

import os
import re
import sys
import warnings

# What belongs to a library is removed as a whole, because a new version can bring new variables.
TENSORFLOW = r"(TF|XLA|KERAS|TENSORFLOW|CUBLAS|CUDNN)_.*|NVIDIA_TF32_OVERRIDE"
ONEDNN = r"(ONEDNN|DNNL|OV)_.*"  # OpenVINO and TensorFlow each have a copy of oneDNN
NUMERICS = r"(OPENBLAS|GOTO|MKL|BLIS|NPY|NUMPY|SCIPY|SKLEARN|HDF5|JSIMD)_.*"
RASTERS = r"(GDAL|GTIFF|TIFF|COG|VRT|CPL|VSI|OGR|OSR|PROJ)_.*|.*_OVERVIEW|HFA_USE_RRD|USE_RRD|ESRI_XML_PAM"
PROGRAMS = r"MPLBACKEND|MATPLOTLIBRC|FREETYPE_PROPERTIES|PYTHONWARNINGS|EPATH_USE_TF"

# These change no result: threads of programs that compute the same with any number of them, folders, memory, messages.
KEPT = (
    r".*_NUM_THREADS|MKL_DYNAMIC|KERAS_HOME|HDF5_USE_FILE_LOCKING|NUMPY_MADVISE_HUGEPAGE|"
    r"TF_CPP_.*|TF_FORCE_GPU_ALLOW_GROWTH|TF_GPU_ALLOCATOR"
)
CPU_TUNABLES = r"glibc\.cpu\.(hwcap|name)"  # glibc has one version of each function for each instruction set
CUDA_FOLDER = "--xla_gpu_cuda_data_dir="  # the flag of XLA that changes no result, and that some installations need


def remove_variables(pattern: str) -> None:
    """Remove the environment variables of some libraries. Call it before these libraries are loaded.

    Args:
        pattern: regular expression of their names. The variables in KEPT stay.
    """
    for name in list(os.environ):
        if re.fullmatch(pattern, name) and not re.fullmatch(KEPT, name):
            flags = os.environ.pop(name)
            if name == "XLA_FLAGS" and (kept := [flag for flag in flags.split() if flag.startswith(CUDA_FOLDER)]):
                os.environ[name] = " ".join(kept)


def prepare_program() -> None:
    """Remove the settings of other projects from this process. A program calls it before it loads other libraries.

    Raises:
        SystemExit: a setting cannot be removed, because the process has started with it.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if re.search(CPU_TUNABLES, tunables):
        sys.exit(f"error: GLIBC_TUNABLES={tunables} changes the last bits of results; unset it, or remove glibc.cpu")
    remove_variables("|".join((TENSORFLOW, ONEDNN, NUMERICS, RASTERS, PROGRAMS)))
    os.environ["GDAL_CONFIG_FILE"] = os.devnull  # otherwise GDAL reads gdalrc in the home folder
    os.environ["PROJ_NETWORK"] = "OFF"  # it takes precedence over proj.ini in the home folder
    if sys.warnoptions:  # from PYTHONWARNINGS. `error` would turn a warning of a library into a traceback
        warnings.simplefilter("default")
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)  # as Python does without options
    # scikit-learn takes the labels of few images for numbers of a regression. Ours are always classes.
    warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
