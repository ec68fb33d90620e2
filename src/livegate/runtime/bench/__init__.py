"""What a model costs on this machine: how long a call takes, what loading takes, and how near that is to what the core can do."""
