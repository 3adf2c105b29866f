"""The command line: registers each command under its name."""

from __future__ import annotations

import typer

from autograder.commands.calibrate import calibrate_command
from autograder.commands.demo import demo_command
from autograder.commands.explain import explain_command
from autograder.commands.findings import check_assignment_command, doctor_command
from autograder.commands.grade import grade_command
from autograder.commands.new import new_command
from autograder.commands.publish import publish_command
from autograder.commands.report import report_command

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.command("calibrate")(calibrate_command)
app.command("new")(new_command)
app.command("report")(report_command)
app.command("publish")(publish_command)
app.command("doctor")(doctor_command)
app.command("check-assignment")(check_assignment_command)
app.command("grade")(grade_command)
app.command("explain")(explain_command)
app.command("demo")(demo_command)
