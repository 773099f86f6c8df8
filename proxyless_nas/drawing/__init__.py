"""Draw charts and pages as text: SVG and HTML that need no library, no script and no network."""
