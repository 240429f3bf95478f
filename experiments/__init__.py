"""Tasks, architectures, runner, journals and statistics: everything that trains and measures."""
