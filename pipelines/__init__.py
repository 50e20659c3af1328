"""The Beam jobs: `pipelines.screen` and `pipelines.release`."""

import logging

# Beam warns at import about an optional BigQuery client that nothing here uses.
logging.getLogger().addFilter(lambda record: not record.getMessage().startswith("apitools not found"))
