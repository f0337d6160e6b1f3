"""Pictures of XLand: arenas, sheets of tasks, films of episodes."""
