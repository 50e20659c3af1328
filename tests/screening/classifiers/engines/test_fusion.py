"""A GPU's graph: fused, in half precision, and computing what the published one does, tried on the CPU provider."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from screening.classifiers.engines.fusion import folded
from screening.errors import ConfigError
from tests.screening.classifiers.encoder import VOCABULARY, WIDTH, batch, encoder, logits, operators, rewritten


class TestGraph:
    @pytest.mark.parametrize("mask", ["additive", "where"])
    def test_a_layer_becomes_fused_operators_however_its_mask_is_made(self, mask):
        assert operators(rewritten(encoder(mask), False)) == {"Attention", "SkipLayerNormalization", "BiasGelu"}

    @pytest.mark.parametrize("other", [{"bias": False}, {"scale": "before"}, {"merged": 2}, {"tensors": 2}])
    def test_a_layer_of_another_form_keeps_its_attention(self, other):
        model = rewritten(encoder(**other), False)
        assert "Attention" not in operators(model)
        assert logits(model, batch()) == pytest.approx(logits(encoder(**other), batch()), abs=1e-5)

    @pytest.mark.parametrize("mask", ["additive", "where"])
    @pytest.mark.parametrize(("half", "apart"), [(False, 1e-5), (True, 2e-2)])
    def test_it_computes_what_the_published_graph_does(self, mask, half, apart):
        wanted = logits(encoder(mask), batch())
        assert np.ptp(wanted, axis=0).min() > 0.1  # rows differ, so one can't pass for another
        assert logits(rewritten(encoder(mask), half), batch()) == pytest.approx(wanted, abs=apart)

    def test_a_masked_token_does_not_matter_to_it(self):
        model, feed = rewritten(encoder(), True), batch()
        noise = np.where(feed["attention_mask"] == 1, feed["input_ids"], 7)
        assert (logits(model, feed) == logits(model, {**feed, "input_ids": noise})).all()

    def test_half_is_half_the_bytes_between_the_same_inputs_and_outputs(self):
        whole, half = (onnx.load_from_string(rewritten(encoder(), half)) for half in (False, True))
        kinds = [{numpy_helper.to_array(t).dtype for t in model.graph.initializer} for model in (whole, half)]
        assert np.dtype(np.float32) in kinds[0]
        assert np.dtype(np.float32) not in kinds[1]
        assert half.graph.input == whole.graph.input
        assert half.graph.output == whole.graph.output

    def test_weights_behind_a_dequantize_linear_are_folded(self):
        model = onnx.load_from_string(encoder())
        (table,) = (t for t in model.graph.initializer if list(t.dims) == [VOCABULARY, WIDTH])
        model.graph.initializer.append(numpy_helper.from_array(np.float32(2 / 127 / VOCABULARY**0.5), "step"))
        (cast,) = (node for node in model.graph.node if node.input[0] == table.name)
        (scaled,) = (node for node in model.graph.node if cast.output[0] in node.input)
        scaled.CopyFrom(helper.make_node("DequantizeLinear", [table.name, "step"], list(scaled.output)))
        as_written = model.SerializeToString()
        half = rewritten(as_written, True)
        assert "DequantizeLinear" not in {node.op_type for node in onnx.load_from_string(half).graph.node}
        assert logits(half, batch()) == pytest.approx(logits(as_written, batch()), abs=2e-2)

    def test_what_is_no_graph_is_refused(self):
        with pytest.raises(ConfigError, match="the model does not load"):
            folded(b"nothing", "bundle.json")

    def test_engines_load_without_onnx_and_graphs_are_rewritten_without_torch(self):
        code = """
import sys
import screening.classifiers.engines
assert "onnx" not in sys.modules
from screening.classifiers.engines.fusion import folded, fused
fused(folded(sys.stdin.buffer.read(), ""), True)
assert "torch" not in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], input=encoder(), check=True, timeout=120)
