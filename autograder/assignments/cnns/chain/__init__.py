"""Exercise 1, `conv_pool_conv`: the judge's own chain, the mistakes with it, and the check."""
