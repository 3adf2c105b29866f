"""The course as data: configuration, folders, assignment, release, secret."""
