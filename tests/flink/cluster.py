"""A Flink session cluster on this machine: JobManager, TaskManager with its worker pool, and Beam's job server.

Each is a process group of its own, killed whole in the end. All ports are of 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import psutil

from tests.flink.distribution import Distribution

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 240  # for a process of the cluster to answer, on a busy machine
SLOTS = 2
# What Flink's own start scripts give to Java 17 (conf/config.yaml, env.java.opts.all).
OPENS = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.net", "java.io", "java.nio", "java.text", "java.time", "java.util")
]
# Flink's default log format. Without this file its processes say nothing.
LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.type = CONSOLE
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""


class ClusterError(RuntimeError):
    """The cluster did not do what it was asked for; the message ends with what its logs say."""


class FlinkCluster:
    """The cluster, up while the block runs; its logs and its memory on disk are in `folder`.

    One TaskManager of `SLOTS` slots: a worker pool belongs to one TaskManager, and a job names one pool's address
    for all of them, so a second one needs a machine (or a container) of its own. `ports` are those of Flink's page, of
    the pool and of the job server; left out, free ones.
    """

    def __init__(self, distribution: Distribution, folder: Path, ports: Sequence[int] = ()) -> None:
        self.distribution = distribution
        self.folder = folder
        self.rest_port, self.pool_port, self.job_port = ports or _free_ports(3)
        self._rpc_port, self._artifact_port, self._expansion_port = _free_ports(3)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> FlinkCluster:
        try:
            self._configure()
            memory = ["-Xmx320m", "-XX:MaxMetaspaceSize=256m"]
            main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
            self._java("jobmanager", memory, self.distribution.jars, main, self._conf)
            self.start_task_manager()
            self._start_job_server()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def portable_flags(self) -> list[str]:
        """The flags that send a job here, through the job server that runs."""
        server = f"--job_endpoint=localhost:{self.job_port}"
        return ["--runner=PortableRunner", server, self._master_flag, *self._worker_flags]

    @property
    def flink_flags(self) -> list[str]:
        """The flags that send a job here, through a job server that the launcher starts."""
        version = ".".join(self.distribution.version.split(".")[:2])
        jar = f"--flink_job_server_jar={self.distribution.job_server_jar}"
        return ["--runner=FlinkRunner", f"--flink_version={version}", jar, self._master_flag, *self._worker_flags]

    @property
    def _master_flag(self) -> str:
        return f"--flink_master=localhost:{self.rest_port}"

    @property
    def _worker_flags(self) -> list[str]:
        pool = f"--environment_config=localhost:{self.pool_port}"
        return ["--environment_type=EXTERNAL", pool, f"--parallelism={SLOTS}"]

    def rest(self, path: str, method: str = "GET") -> Any:
        """What Flink's REST API answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.rest_port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def jobs(self) -> list[dict[str, Any]]:
        """Every job the cluster has seen, the oldest first: `jid`, `name`, `state`, `duration` in ms."""
        jobs: list[dict[str, Any]] = self.rest("/jobs/overview")["jobs"]
        return sorted(jobs, key=lambda job: job["start-time"])

    def cancel(self, job: str) -> None:
        """Cancel a job, as its page's button does."""
        self.rest(f"/jobs/{job}?mode=cancel", method="PATCH")

    def workers(self) -> list[psutil.Process]:
        """The SDK workers that the pool has started and that still run."""
        return [child for child in psutil.Process(self._processes["pool"].pid).children() if _is_worker(child)]

    def start_pool(self, env: Mapping[str, str] | None = None) -> None:
        """Start the worker pool; `env` overrides what it hands to its workers."""
        command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"]
        # The pool starts whatever `python` stands first on its PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        found = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        given = {"PATH": path, "PYTHONPATH": found, **(env or {})}
        self._spawn("pool", [*command, f"--service_port={self.pool_port}"], given)
        self.wait(lambda: _answers(self.pool_port), "the worker pool")

    def start_task_manager(self) -> None:
        """Start a TaskManager and a pool of its own, and wait until its slots are free to use."""
        self.start_pool()
        jvm, dynamic = self._memory()
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        self._java("taskmanager", jvm, self.distribution.jars, main, [*self._conf, *dynamic])
        self.wait(lambda: self.rest("/overview")["slots-available"] == SLOTS, "the TaskManager")

    def kill(self, name: str) -> None:
        """Kill -9 one of `jobmanager`, `taskmanager`, `pool` and `jobserver`, with all its children."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Stop everything; safe to call again."""
        for name in list(self._processes):
            self.kill(name)

    def wait(self, ready: Callable[[], T], what: str, seconds: float = START_SECONDS) -> T:
        """The first true answer of `ready`; ClusterError when none came, or a process of the cluster ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise ClusterError(f"{name} ended with {process.returncode}\n{self.tail(name)}")
            try:
                if answer := ready():
                    return answer
            except OSError:
                pass  # does not listen yet
            time.sleep(0.1)
        raise ClusterError(f"{what}: nothing for {seconds:g} s\n{self.tail()}")

    def tail(self, *names: str, lines: int = 25) -> str:
        """The last lines of the logs."""
        said = []
        for path in sorted(self.folder.glob("*.log")):
            if not names or path.stem in names:
                said += [f"--- {path}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(said)

    @property
    def _conf(self) -> list[str]:
        return ["--configDir", str(self.folder)]

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log4j.properties").write_text(LOGGING)
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc_port,
            "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.bind-port": self.rest_port,
            "rest.port": self.rest_port,
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": SLOTS,
            # Small: so are the elements. A sorting shuffle would ask for 512 buffers (16 MB) at each of its ends.
            # Metaspace: each job loads its classes anew.
            "taskmanager.memory.process.size": "1400m",
            "taskmanager.memory.network.min": "64m",
            "taskmanager.memory.network.max": "64m",
            "taskmanager.network.sort-shuffle.min-buffers": 64,
            "taskmanager.memory.managed.size": "192m",
            "taskmanager.memory.jvm-metaspace.size": "512m",
            # A TaskManager that was killed is missed after this, not after the default of 50 s.
            "heartbeat.interval": 2000,
            "heartbeat.timeout": 15000,
            "io.tmp.dirs": str(self.folder),
        }
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        (self.folder / "config.yaml").write_text("".join(lines))

    def _memory(self) -> tuple[list[str], list[str]]:
        """The flags for the JVM, and for the TaskManager, that Flink works out of its configuration."""
        tools = os.pathsep.join(map(str, [*self.distribution.flink.glob("bin/*.jar"), self._flink_dist]))
        main = "org.apache.flink.runtime.util.bash.BashJavaUtils"
        command = ["java", "-cp", tools, main, "GET_TM_RESOURCE_PARAMS", *self._conf]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
        marked = [line.partition(":")[2] for line in done.stdout.splitlines() if line.startswith("BASH_JAVA_UTILS")]
        if done.returncode or len(marked) != 2:
            raise ClusterError(f"no memory parameters for the TaskManager:\n{done.stdout}\n{done.stderr}")
        jvm, dynamic = map(shlex.split, marked)
        return jvm, dynamic

    @property
    def _flink_dist(self) -> Path:
        return next(self.distribution.flink.glob("lib/flink-dist-*.jar"))

    def _start_job_server(self) -> None:
        arguments = [
            "--job-host=127.0.0.1",
            f"--job-port={self.job_port}",
            f"--artifact-port={self._artifact_port}",
            f"--expansion-port={self._expansion_port}",
            f"--flink-master=127.0.0.1:{self.rest_port}",
            f"--artifacts-dir={self.folder / 'artifacts'}",
        ]
        self._spawn(
            "jobserver", ["java", "-Xmx512m", *OPENS, "-jar", str(self.distribution.job_server_jar), *arguments]
        )
        self.wait(lambda: _answers(self.job_port), "the job server")

    def _java(self, name: str, jvm: list[str], jars: str, main: str, arguments: list[str]) -> None:
        logging = f"-Dlog4j.configurationFile=file:{self.folder / 'log4j.properties'}"
        self._spawn(name, ["java", *jvm, *OPENS, logging, "-cp", jars, main, *arguments])

    def _spawn(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.folder,
                env={**os.environ, **(env or {})},
            )


def _is_worker(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and any("SdkHarness" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
