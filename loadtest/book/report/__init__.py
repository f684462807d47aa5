"""Tables and charts from raw results."""
