"""This package makes runs of graphs: queues and batches, admission, metrics, processors, process-wide tuning.

It imports `models`.
"""
