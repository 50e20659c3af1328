"""What is to be screened: a folder, a bucket, a manifest or an inventory, as shards that workers list themselves."""
