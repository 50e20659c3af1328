"""`python -m pipelines.templates`: writes the metadata of the templates anew."""

from pipelines.templates import write

write()
