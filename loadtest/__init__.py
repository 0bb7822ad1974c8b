"""Load tests of an inference server from outside, over its network interface alone; nothing of ours imports it."""
