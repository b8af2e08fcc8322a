"""Payment links: a page on which anybody who has its address can pay."""
