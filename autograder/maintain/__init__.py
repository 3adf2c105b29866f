"""What only maintainers run, and nothing that grades imports: the bench, the table of threats."""
