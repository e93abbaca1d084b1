"""The connection to a Ray cluster.

RAY_ADDRESS   address of the cluster: auto, host:port or ray://host:port, as Ray defines it.

This module is imported only if RAY_ADDRESS is set. A node needs the packages of requirements.lock. It needs neither the
project's code nor its data, because this machine sends both.
"""

import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from eurosat_transfer.errors import UserError

try:
    import ray as ray  # for the modules of its users too
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise UserError("RAY_ADDRESS is set, but Ray is not installed; run pip install 'ray[default]'") from None

CALLS_PER_TASK = 3  # one is computed, the others wait for it
CONNECT_TIMEOUT = 5  # seconds
MAX_RETRIES = 10  # of a task whose worker or node is lost


class RayCluster:
    """The cluster at RAY_ADDRESS. Use it in a with statement, which disconnects at its end.

    Attributes:
        cores: of each task: as many as the smallest node has. A larger node runs several tasks at a time.
    """

    def __init__(self) -> None:
        """Connect.

        Raises:
            UserError: no cluster answers, or it has no CPU.
        """
        _connect()
        nodes = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]}
        self.cores = min(filter(None, nodes.values()), default=0)
        if not self.cores:
            raise UserError("RAY_ADDRESS: no node of the cluster has a CPU; needed: a node with num_cpus of 1 or more")
        self._nodes = [node for node, cores in nodes.items() if cores]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()

    def start_on_each_node(self, task: Any, *arguments: object) -> "list[ray.ObjectRef]":
        """Call a remote function once on each node, beside other tasks.

        Args:
            task: a remote function.
            arguments: of the function.

        Returns:
            What `fetch` takes.
        """
        strategies = [NodeAffinitySchedulingStrategy(node, soft=True) for node in self._nodes]
        return [task.options(num_cpus=0, scheduling_strategy=one).remote(*arguments) for one in strategies]

    def map(self, task: Any, calls: Iterable[tuple]) -> Iterator[Any]:
        """Call a remote function many times. Only as many calls are taken ahead as keep the nodes busy.

        Args:
            task: a remote function.
            calls: arguments of each call.

        Yields:
            The results, in the order of calls.

        Raises:
            UserError: a call raises it, or the cluster is lost.
        """
        sent: deque[ray.ObjectRef] = deque()
        for arguments in calls:
            sent.append(task.options(num_cpus=self.cores).remote(*arguments))
            cores = ray.cluster_resources().get("CPU", 0)
            while len(sent) >= CALLS_PER_TASK * max(1, cores // self.cores):
                yield fetch(sent.popleft())
        while sent:
            yield fetch(sent.popleft())


def fetch(results: "ray.ObjectRef | list[ray.ObjectRef]") -> Any:
    """Wait for the results of remote functions.

    Args:
        results: of one or several calls.

    Raises:
        UserError: a function raised it, a node lacks packages, or the cluster is lost.
    """
    try:
        return ray.get(results)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        reason = str(error).strip().splitlines()[-1]
        if reason.startswith(("ModuleNotFoundError: ", "ImportError: ")):
            raise UserError(f"RAY_ADDRESS: a node lacks packages of requirements.lock ({reason})") from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise UserError(f"RAY_ADDRESS: the cluster failed ({_first_line(error)}); start it and run again") from None


def _connect() -> None:
    address = os.environ["RAY_ADDRESS"]
    host, _, port = address.rpartition("//")[2].rpartition(":")
    code = {"py_modules": [str(Path(__file__).resolve().parents[1])]}
    try:
        if host:  # ray.init would try for minutes
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT).close()
        ray.init(address, runtime_env=code, log_to_driver=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        allowed = "allowed: auto, host:port, ray://host:port; without a cluster, unset the variable"
        raise UserError(f"RAY_ADDRESS: no cluster answers at {address!r} ({_first_line(error)}); {allowed}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
