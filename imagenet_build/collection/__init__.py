"""A local caption index: pictures with captions, searchable like an engine."""
