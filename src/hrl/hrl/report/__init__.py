"""Reports: one page that shows what a recording holds."""
