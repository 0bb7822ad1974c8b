"""Training: data sets, model families and the export of each to one self-describing ONNX file."""

import os

# The export gate runs the file in onnxruntime, which sends usage data unless told not to before its import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
