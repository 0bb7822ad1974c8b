"""A run of a model: queues and batches, admission, metrics, processors, process-wide tuning. It imports `models`."""
