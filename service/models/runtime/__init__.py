"""onnxruntime: its sessions, their arena, and how a run is made and ended. No other package imports the library."""
