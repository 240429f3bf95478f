"""Claims about architectures, each with experiments and a rule that was fixed before they ran."""
