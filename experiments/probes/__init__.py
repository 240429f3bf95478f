"""What is found out about a trained network besides its measures: one file per probe."""
