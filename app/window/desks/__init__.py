"""What acts: each desk connects one part of the window with the session."""
