"""This package tests an inference server under load, over its network interface alone; `tuning` alone imports it."""
