"""How the sample documents are drawn, degraded like scans, and described."""
