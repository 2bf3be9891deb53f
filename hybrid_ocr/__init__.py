"""What users import and type: the command line, and later the clients."""
