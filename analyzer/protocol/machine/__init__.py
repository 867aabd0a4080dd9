"""What a packet means: the states of a connection and the moves between them."""
