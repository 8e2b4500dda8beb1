"""The lending policies that come with riskwatch: a base, and one worked institution for each product."""
