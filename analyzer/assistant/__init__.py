"""What an assistant may ask of captures: a server of the Model Context Protocol, which reads and never writes."""
