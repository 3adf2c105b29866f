"""The command line, thin: a file a command, `terminal` what they share, `cli` registers them."""
