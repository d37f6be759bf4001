"""The morning report: built from two kept assessments and what people decided, rendered for every medium."""
