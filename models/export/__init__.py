"""Export a trained network to ONNX, round it if asked, and check it against torch."""
