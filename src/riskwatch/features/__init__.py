"""Records to numbers: the feature table, the layout of a customer's state, the compiled kernel, row packing, accounts."""
