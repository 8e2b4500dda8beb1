"""Numbers to probabilities: the linear model that workers score with, the River learner behind it, labels that wait."""
