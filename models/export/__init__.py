"""A trained network to ONNX, rounded where asked, and held against torch."""
