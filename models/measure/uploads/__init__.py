"""Measure what a user feels: texts as people upload them, of several genres and lengths, at the levels of a policy."""
