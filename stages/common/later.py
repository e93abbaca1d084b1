"""Modules that are run when something is asked of them, not when they are imported.

The standard library's LazyLoader runs one for any attribute, and `inspect` looks at `__file__` of all that there are;
nor can it run one that puts another in its own place.
"""

import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

_lock = threading.RLock()
_waiting = {}  # loader by name


def run_later(*prefixes: str) -> None:
    """From now on, run modules whose full names begin so when something is asked of them."""
    sys.meta_path.insert(0, _Finder(prefixes))


class _Later(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name == "__all__" or not name.startswith("__"):
            with _lock:  # another thread waits; this one may ask again, for what the module has not got to yet
                if loader := _waiting.pop(self.__name__, None):
                    loader.exec_module(self)
                    self.__class__ = ModuleType
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)


class _Finder:
    def __init__(self, prefixes: tuple[str, ...]):
        self.prefixes = prefixes

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(self.prefixes):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, SourceFileLoader):  # one in C has to be made by its own loader
            _waiting[name], spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it for later."""
