"""Places where objects are kept, one folder a provider, one adapter for those that speak S3's protocol."""
