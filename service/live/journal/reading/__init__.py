"""The journal is read: a task's latest predictions as one window. `live` imports it, the writer does not."""
