"""Collections policies that come with riskwatch: TOML files."""
