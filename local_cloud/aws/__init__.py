"""The services of AWS that the flow stands on, over HTTP on one machine: moto, and what fills its gaps."""
