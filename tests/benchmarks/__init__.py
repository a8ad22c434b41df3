"""Benchmarks: figures side by side from one run (`make bench`). They measure and judge; they are not tests."""
