"""Laws that hold between whole machines, whatever the line between them does."""
