"""What is known of a connection when it is over."""
