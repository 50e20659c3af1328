"""List what is to be screened (a folder, bucket, manifest or inventory) as shards that the workers list themselves."""
