"""Ground truth in layers, metrics, and the benchmark against other readers."""
