"""What panels and dialogs are made of: controls, icons, theme, dropped files."""
