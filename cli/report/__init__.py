"""What a rehearsal leaves behind: one JSON file and one self-contained HTML page."""
