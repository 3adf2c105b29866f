"""The trusted grader: verdicts formed outside the student's process."""
