"""A home folder for a user without one."""

import atexit
import os
import pwd
import shutil
import tempfile


def provide_home() -> None:
    """Give an unknown user a name and a temporary home folder for the time of this process.

    A container that is started with `docker run --user 12345` has such a user. Several libraries, and DVC too, end with
    an error if they find neither a name nor a home folder. Known users, and a home folder that can be used, stay.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault("USER", f"user-{os.getuid()}")
        if not os.access(os.environ.get("HOME", ""), os.W_OK):
            os.environ["HOME"] = tempfile.mkdtemp(prefix="home-")
            atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)
