"""What the window shows: cards, banner, status line, picture. They know no session, only signals."""
