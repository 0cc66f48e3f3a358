"""What goes wrong with checkpoints. Importing this loads nothing heavy."""


class CheckpointError(ValueError):
    """A checkpoint is missing, incomplete, damaged or of another model; the message names file and keys."""
