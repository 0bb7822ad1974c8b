"""This package reads data sets, built-in ones, tables and folders of images, as typed arrays with a fingerprint."""
