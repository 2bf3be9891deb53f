"""The benchmark: contestants read the same pages, taking turns page by page; see docs/benchmark.md."""
