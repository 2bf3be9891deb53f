"""Reading by plain function calls: the stages without the flow, for a debugger and the benchmark."""
