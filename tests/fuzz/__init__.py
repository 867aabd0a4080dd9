"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz --seconds 60`."""
