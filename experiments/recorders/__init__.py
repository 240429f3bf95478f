"""What a network does inside, looked at while it trains: one file per recorder."""
