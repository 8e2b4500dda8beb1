"""The same job in other Python stream processors, each written by its own guide; what they share is in `fold`,
`features` and `rules`."""
