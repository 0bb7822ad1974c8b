"""This package judges models while they serve: alarms, and accuracy without labels; numpy alone."""
