"""A demo account: the hosts of an online bookshop, with computed measurements for any time."""
