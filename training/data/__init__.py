"""Data sets: built-in, tables and folders of images, as typed arrays with a fingerprint."""
