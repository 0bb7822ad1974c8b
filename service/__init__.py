"""This package serves exported models behind one BentoML service, on onnxruntime alone."""

import os

# Both send usage data by default, and both read their switch when they are first imported or first run.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["BENTOML_DO_NOT_TRACK"] = "True"

VERSION = "0.1.0"
