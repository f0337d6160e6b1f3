"""`python -m allometry`: the command, wherever only the interpreter is known."""

from allometry.cli.main import main

if __name__ == "__main__":
    main()
