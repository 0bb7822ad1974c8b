"""This package turns data sets into model families' files, each one self-describing ONNX file."""

import os

# The export gate runs the file in onnxruntime, which sends usage data unless told not to before its import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Threads that spin while they wait take the processor from those that they wait for, where several models are trained.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
