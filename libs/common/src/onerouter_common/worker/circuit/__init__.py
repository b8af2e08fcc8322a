"""A circuit per connection: where calls keep failing none is made for a while, then a few try whether it works again."""
