"""Uploads: the bytes go straight from whoever has them to the bucket, under addresses that we sign."""
