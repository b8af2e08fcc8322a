"""Amazon S3 and Cloudflare R2: a strict server of S3's protocol. Unlike others it computes each signature again."""
