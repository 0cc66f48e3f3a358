"""The command line. Every command loads the engine when it runs, so that `--help` is instant. No Qt."""
