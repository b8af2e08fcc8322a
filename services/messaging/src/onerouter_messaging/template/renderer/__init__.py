"""Templates are parsed and rendered in processes of their own, which may be stopped at any moment.

Not in threads: a thread cannot be stopped, and the template language's lexer and filters spend their time in calls that let
no other thread run (python-liquid 2.3: 120 kB of `{{` keep it busy for minutes). A process is bounded by the operating
system: its processor time, its memory, and it has none of our secrets.
"""
