"""A job whose workers never come, or hang, is ended; one that gets on is left alone."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.launch import options, watchdog
from pipelines.launch.watchdog import Signs, Stalled, running
from screening.errors import ScreeningError
from tests.pipelines.launch import engines
from tests.pipelines.launch.engines import Idle, Running, Watched


@pytest.fixture
def signs(tmp_path) -> Signs:
    return Signs(str(tmp_path / "results" / "alive"), "r", every=0.05)


@pytest.fixture
def launch(signs):
    """Launches on an engine that does nothing."""

    def with_patience(job: Running, patience: float) -> None:
        Idle.job = job
        with running(PipelineOptions([f"--runner={engines.__name__}.Idle"]), signs, patience):
            pass

    return with_patience


def test_a_job_without_workers_is_cancelled_and_the_message_says_where_to_look(launch):
    engine = Running()
    with pytest.raises(Stalled, match=r"no worker started within 0\.3 s.*\n.*--environment_config"):
        launch(engine, 0.3)
    assert engine.cancelled


def test_flink_is_told_itself():
    """Beam's job server leaves a cancelled job there; another job, or one that has ended, is none of ours."""
    jobs = [
        {"jid": "a", "name": "screening-r", "end-time": -1},
        {"jid": "b", "name": "screening-other", "end-time": -1},
        {"jid": "c", "name": "screening-r", "end-time": 7},
    ]
    asked: list[tuple[str, str]] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(json.dumps({"jobs": jobs}).encode())

        def do_PATCH(self) -> None:
            self.answer(b"{}")

        def answer(self, body: bytes) -> None:
            asked.append((self.command, self.path))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        flags = [f"--flink_master=127.0.0.1:{page.server_port}", "--runner=PortableRunner"]
        found = options.beam_options(flags, options.parser("x", ""))
        watchdog.signs(found, "/results", "r")
        assert watchdog.cancel(Running(), found) == "the job was cancelled"
        page.shutdown()
    assert asked == [("GET", "/jobs/overview"), ("PATCH", "/jobs/a?mode=cancel")]
    assert "cancel screening-r on Flink's page" in watchdog.cancel(Running(), found), "nobody answers any more"


def test_a_job_that_stands_still_is_cancelled(launch, signs):
    engine = Running()
    threading.Timer(0.2, signs.leave).start()
    with pytest.raises(Stalled, match="no worker made progress"):
        launch(engine, 0.5)
    assert engine.cancelled
    assert signs.seen() == {}, "nothing is left behind"


def test_a_job_that_gets_on_outlasts_its_patience(launch, signs):
    engine = Running()

    def work() -> None:
        for _ in range(20):
            signs.leave()
            time.sleep(0.1)
        engine.ended.set()

    threading.Thread(target=work).start()
    launch(engine, 0.6)
    assert not engine.cancelled


def test_no_patience_at_all_waits_for_ever(launch):
    engine = Running()
    threading.Timer(0.5, engine.ended.set).start()
    launch(engine, 0)
    assert not engine.cancelled


def test_what_the_engine_says_becomes_a_message(launch):
    engine = Running(RuntimeError("job 7 failed in state FAILED"))
    engine.ended.set()
    with pytest.raises(ScreeningError, match="job 7 failed in state FAILED"):
        launch(engine, 60)


def test_a_process_leaves_a_sign_now_and_then_and_not_each_time(signs):
    signs = replace(signs, every=0.5)
    signs.leave()
    first = signs.seen()
    assert len(first) == 1
    signs.leave()
    assert signs.seen() == first
    time.sleep(1.2 * signs.every)
    signs.leave()
    assert signs.seen().keys() == first.keys()
    assert signs.seen() != first


def test_signs_of_another_run_are_none_of_this_one(signs):
    replace(signs, run_id="r.1").leave()
    assert signs.seen() == {}
    signs.leave()
    assert len(signs.seen()) == 1
    signs.remove()
    assert len(replace(signs, run_id="r.1").seen()) == 1


def test_a_sign_that_can_t_be_left_costs_no_work(tmp_path):
    (tmp_path / "results").write_text("a file where a folder should be")
    Signs(str(tmp_path / "results" / "alive"), "r").leave()


@pytest.mark.parametrize(
    ("flags", "watched"),
    [
        ([], False),
        (["--runner=DirectRunner"], False),
        (["--runner=DataflowRunner"], False),
        (["--runner=FlinkRunner"], True),
        (["--runner=PortableRunner"], True),
    ],
)
def test_who_is_watched(flags, watched):
    found = options.beam_options(flags, options.parser("x", ""))
    assert bool(watchdog.signs(found, "/results", "r").place) == watched


def test_the_jobs_leave_signs_where_somebody_looks(place):
    """Nothing else would tell a long job from a hung one."""
    Watched.place = Path(place.results, "alive")
    Watched.seen.clear()
    runner = f"--runner={engines.__name__}.Watched"
    assert place.screen("--run-id", "r", runner) == 0
    watchdog._due.clear()
    assert place.release(runner) == 0
    assert Watched.seen == [1, 1]
    assert not list(Watched.place.iterdir()), "they are removed in the end"


@pytest.mark.parametrize("given", ["-1", "inf", "nan", "soon"])
def test_a_bad_time_out_stops_the_job(place, given, capsys):
    assert place.screen("--stall-timeout", given) == 2
    assert "--stall-timeout" in capsys.readouterr().err
