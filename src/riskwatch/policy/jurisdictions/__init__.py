"""Rules on contacting customers that come with riskwatch: TOML files, one for each jurisdiction."""
