"""Link, IP and TCP layers, and stream reassembly. Pure: no files, no clock, no printing."""
