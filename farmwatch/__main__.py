"""``python -m farmwatch``: the command line."""

from farmwatch.cli.main import run

if __name__ == "__main__":
    run()
