"""A GPU's batches: their shapes, their buffers, and halves where memory runs out, tried on the CPU provider."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest

from screening.classifiers.engines import cuda
from screening.classifiers.engines.contract import Pool
from screening.classifiers.engines.device import Limit, bound, halving, rows_for, shaped
from tests.screening.classifiers.encoder import LABELS, batch, encoder, rewritten, session


class TestShapes:
    def test_rows_come_in_few_sizes_and_a_full_batch_is_one_of_them(self):
        assert [rows_for(n, 100) for n in (1, 15, 16, 17, 31, 33, 64, 65, 97, 100)] == [
            1, 15, 16, 18, 32, 36, 64, 72, 100, 100,
        ]  # fmt: skip
        assert len({rows_for(n, 2048) for n in range(1, 2049)}) == 72
        assert all(n <= rows_for(n, 2048) <= 9 / 8 * n for n in range(1, 2049))

    def test_tokens_are_masked_up_to_a_multiple_of_eight_and_rows_repeat_the_last(self):
        feed = batch(17, 20)
        wide = shaped(feed, 10_000)
        for name in feed:
            assert wide[name].shape == (18, 24)
            assert (wide[name][:17, :20] == feed[name]).all()
            assert (wide[name][:, 20:] == 0).all()
            assert (wide[name][17] == wide[name][16]).all()
        assert shaped(feed, 17 * 20)["input_ids"].shape == (17, 24)

    def test_a_batch_of_pictures_gets_rows_and_nothing_else(self):
        feed = {"pixels": np.arange(17 * 3 * 4 * 6, dtype=np.float32).reshape(17, 3, 4, 6)}
        wide = shaped(feed, 10_000)["pixels"]
        assert wide.shape == (18, 3, 4, 6)
        assert (wide[:17] == feed["pixels"]).all()


class TestBuffers:
    def run(self, half: bool = False) -> tuple[object, ort.InferenceSession]:
        opened = session(rewritten(encoder(), half))
        return bound(opened, {"logits": LABELS}, "cpu", 512), opened

    @pytest.mark.parametrize("half", [False, True])
    def test_bound_buffers_give_what_a_plain_run_gives(self, half):
        run, opened = self.run(half)
        for rows, length in ((1, 16), (17, 20), (25, 20), (16, 32), (17, 20), (7, 18)):
            feed = batch(rows, length)
            (got,) = run(feed)
            assert got.dtype == np.float32
            assert got == pytest.approx(opened.run(None, feed)[0], abs=5e-3 if half else 1e-5)

    def test_a_result_stays_when_its_buffer_is_written_again(self):
        run, _ = self.run()
        (first,) = run(batch(5, 20))
        before = first.copy()
        run({name: array[::-1] for name, array in batch(5, 20).items()})
        assert (first == before).all()

    def test_buffers_are_made_once_a_shape(self, monkeypatch):
        run, opened = self.run()
        made = []
        real = opened.io_binding
        monkeypatch.setattr(opened, "io_binding", lambda: made.append(1) or real())
        for rows in (17, 18, 17, 18):  # one shape
            run(batch(rows, 20))
        assert len(made) == 1
        run(batch(19, 20))
        assert len(made) == 2

    def test_two_threads_of_one_session_do_not_mix_their_rows(self):
        opened = session(rewritten(encoder(), False))
        pool = Pool(lambda: bound(opened, {"logits": LABELS}, "cpu", 512), cuda.AT_ONCE)
        feeds = [batch(rows, 24) for rows in range(1, 21)] * 3
        for feed, (got,) in zip(feeds, pool.run(feeds), strict=True):
            assert got == pytest.approx(opened.run(None, feed)[0], abs=1e-5)


class Small:
    """A device with memory for so many values; it gives each row's sum, and notes what it was asked."""

    def __init__(self, memory: int, message: str = "Failed to allocate memory for requested buffer of size 1024"):
        self.memory, self.message, self.asked = memory, message, []

    def __call__(self, feed):
        self.asked.append(feed["input_ids"].shape)
        if feed["input_ids"].size > self.memory:
            raise RuntimeError(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : {self.message}")
        return [feed["input_ids"].sum(axis=1, keepdims=True).astype(np.float32)]


class TestMemory:
    @pytest.mark.parametrize(
        "message", ["Failed to allocate memory for requested buffer of size 9", "CUDA failure 2: out of memory",
                    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"],
    )  # fmt: skip
    def test_a_batch_too_large_runs_in_halves_and_the_next_one_at_once(self, message):
        device = Small(100, message)
        run = halving(device, Limit())
        feed = batch(21, 20)
        wanted = feed["input_ids"].sum(axis=1, keepdims=True)
        assert (run(feed)[0] == wanted).all()
        failed = [shape for shape in device.asked if np.prod(shape) > 100]
        assert failed == [(21, 20), (10, 20)]
        device.asked.clear()
        assert (run(feed)[0] == wanted).all()
        assert all(np.prod(shape) <= 100 for shape in device.asked)

    def test_what_one_thread_learned_the_other_knows(self):
        limit, device = Limit(), Small(100)
        halving(device, limit)(batch(8, 20))
        device.asked.clear()
        halving(device, limit)(batch(8, 20))
        assert all(np.prod(shape) <= 100 for shape in device.asked)

    def test_a_row_that_does_not_fit_alone_is_an_error(self):
        with pytest.raises(RuntimeError, match="allocate memory"):
            halving(Small(10), Limit())(batch(4, 20))

    def test_every_other_error_passes_and_teaches_nothing(self):
        device, limit = Small(100, "indices element out of data bounds"), Limit()
        with pytest.raises(RuntimeError, match="out of data bounds"):
            halving(device, limit)(batch(8, 20))
        assert device.asked == [(8, 20)]
        device.memory = 1000
        halving(device, limit)(batch(8, 20))
        assert device.asked == [(8, 20)] * 2


def test_the_device_does_not_wait_while_a_slab_is_ready():
    """Two callers with a slab each: the second's batches follow the first's before anybody has its results."""
    gate, ran, done = threading.Event(), [], []
    finished = threading.Event()

    def device(feed):
        assert gate.wait(30)
        ran.append(int(feed["input_ids"][0, 0]))
        if ran[-1] == 10:
            assert finished.wait(30)  # the first caller goes on, to its next slab, while the device has work
        return []

    pool = Pool(lambda: device, 1)
    slabs = [[{"input_ids": np.array([[i]])} for i in range(start, start + 3)] for start in (0, 10)]

    def caller(slab):
        pool.run(slab)
        done.append(len(slab))
        finished.set()

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(caller, slabs[0])
        while pool._pool._work_queue.qsize() < 2:
            threading.Event().wait(0.001)
        second = callers.submit(caller, slabs[1])
        while pool._pool._work_queue.qsize() < 5:
            threading.Event().wait(0.001)
        gate.set()
        first.result(30)
        second.result(30)
    assert ran == [0, 1, 2, 10, 11, 12]
