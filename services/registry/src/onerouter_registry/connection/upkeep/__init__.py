"""What the registry does with connections by itself: asks again, forgets what is due."""
