"""A demo account: the hosts of an online bookshop, and what they would have measured at any time asked for."""
