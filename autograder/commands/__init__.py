"""The commands of `autograder` that do not grade, a file each; `cli` registers them."""
