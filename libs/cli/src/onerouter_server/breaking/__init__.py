"""What a new description of an API takes away from those who use the old one."""
