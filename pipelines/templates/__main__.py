"""`python -m pipelines.templates` generates the metadata of the templates again."""

from pipelines.templates import write

write()
