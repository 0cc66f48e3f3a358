"""What goes wrong with checkpoints. Importing this loads nothing heavy."""


class CheckpointError(ValueError):
    """A checkpoint is missing, incomplete, damaged or of another model; the message names file and keys.

    Args:
        message: A clause that says all.
        sentence: What to tell a user in its place; empty: nothing shorter says it.
        detail: What that sentence leaves out: names of tensors and their shapes.
    """

    def __init__(self, message: str, *, sentence: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.sentence = sentence
        self.detail = detail
