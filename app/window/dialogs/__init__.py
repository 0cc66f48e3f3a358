"""What opens above the window: questions, file dialogs, the points editor, the sheet of keys."""
