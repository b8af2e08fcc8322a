"""People: who may sign in, how they prove who they are, and what they keep about themselves."""
