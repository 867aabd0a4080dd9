"""Tables of what was found: their schema, Arrow columns, files and views of them, and questions to ask."""
