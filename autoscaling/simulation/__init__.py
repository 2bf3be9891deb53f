"""What a policy does to latency, backlog and instances: two simulators over one model."""
