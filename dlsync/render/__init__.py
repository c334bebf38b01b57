"""What was found and what was done, as text, JSON and Markdown, safe to print. Pure."""
