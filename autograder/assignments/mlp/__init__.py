"""The assignment `mlp`: a network without convolutions, and one step of its training by hand."""
