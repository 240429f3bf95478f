"""The supervisor with fake workers: `python -P fake_supervisor.py FOLDER BEHAVIOUR [BYTES]`.

`BYTES` is the size at which a file system counts as full for the supervisor.
"""

import functools
import resource
import sys
from pathlib import Path

from experiments import supervisor

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def command(behaviour):
    """How a fake worker of this behaviour is started."""
    return lambda folder: [sys.executable, "-P", str(FAKE_WORKER), str(folder.path), behaviour]


if __name__ == "__main__":
    if len(sys.argv) > 3:
        size = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    supervisor.Supervisor = functools.partial(
        supervisor.Supervisor,
        command=command(sys.argv[2]),
        asked_seconds=0.2,
        terminated_seconds=0.2,
    )
    sys.exit(supervisor.main())
