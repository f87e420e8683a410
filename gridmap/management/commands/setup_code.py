"""`manage.py setup_code`: print a code that opens the first-run page."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gridmap.actions.setup import CODE_LIFETIME_S, has_administrator, new_setup_code


class Command(BaseCommand):
    """Prints a code for making the first administrator, good for an hour."""

    help = "Print a code that opens the first-run page (/first-run/) for an hour."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the code alone on its line, so that it can be copied."""
        if has_administrator():
            raise CommandError(
                "This installation already has an administrator, so no code is needed. "
                "To give somebody a new password: manage.py changepassword NAME"
            )
        self.stdout.write(new_setup_code())
        self.stderr.write(f"Good for {CODE_LIFETIME_S // 60} minutes, on the page /first-run/.")
