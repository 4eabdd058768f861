"""What does each section of the page say and show: its text, tables, figures and captions, a file per section."""
