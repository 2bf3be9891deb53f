"""The sample documents of this repository, their truth, and the seeded script that makes both."""
