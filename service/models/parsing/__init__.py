"""This package reads an ONNX file before onnxruntime sees it, and refuses what would hang or harm it."""
