"""Records to numbers: the feature table, the layout of a row, the compiled kernel, row packing, accounts."""
