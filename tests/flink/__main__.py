"""`make flink`: a Flink cluster on this machine until Ctrl-C, to try the jobs on."""

from __future__ import annotations

import shutil
import signal
import sys

from tests.flink.cluster import ClusterError, FlinkCluster
from tests.flink.distribution import CACHE, Missing, fetch

PORTS = (8081, 50000, 8099)  # where Flink's page, a worker pool and a job server are looked for first


def main() -> int:
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    folder = CACHE / "cluster"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with FlinkCluster(fetch(), folder, PORTS) as cluster:
            print(f"Flink {cluster.distribution.version}: http://localhost:{cluster.rest_port}, logs in {folder}")
            print(f"send jobs here with:\n  {' '.join(cluster.portable_flags)}\nCtrl-C stops it", flush=True)
            cluster.wait(lambda: False, "Ctrl-C", float("inf"))
    except (ClusterError, Missing) as error:
        print(f"make flink: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
