"""What comes out of an analysis: all that renderers get."""
