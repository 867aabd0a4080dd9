"""The findings: each with traffic that makes it, and traffic that comes close."""
