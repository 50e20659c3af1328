"""Train image bundles on photographs with damage of known kind and strength."""
