"""Image bundles that are trained on photographs with damage of known kind and strength."""
