"""Labelled rows are judged by the classifiers of a task: what a report and the server's `/judge` share."""
