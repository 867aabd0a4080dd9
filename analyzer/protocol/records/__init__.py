"""Wire records of the MySQL client/server protocol, one class each."""
