"""What was found and what was done, as text, JSON and Markdown: pure, and safe to print whatever a server says."""
