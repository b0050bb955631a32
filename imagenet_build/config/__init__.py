"""The configuration: models and loading."""
