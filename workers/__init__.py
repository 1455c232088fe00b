"""RQ worker classes and the job functions that they run."""
