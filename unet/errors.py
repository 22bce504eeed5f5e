"""The errors that a user can mend. Their text names the thing, says what is wrong and what to do."""

LONGEST = 80


def shortened(value: object) -> str:
    """Return a value as messages show it; what a stranger has written may be of any length."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        text = f"a {type(value).__name__} of endless length"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class UnetError(Exception):
    """Base of every error whose message is meant to be read by the person at the screen."""


class ConfigError(UnetError, ValueError):
    """A setting has a value that cannot work."""


class ImageError(UnetError):
    """An image or mask file cannot be read."""


class ArchiveError(UnetError):
    """An archive or upload is refused."""


class DatasetError(UnetError):
    """A dataset has nothing usable, is missing, or does not fit the configuration."""


class ModelError(UnetError):
    """A Model folder is incomplete, damaged or not to be trusted."""


class RunError(UnetError):
    """A Run folder cannot be read, started, stopped or resumed."""


class TrainingBusy(RunError):
    """Another training is under way on this machine."""

    def __init__(self, run_name: str):
        self.run_name = run_name
        super().__init__(
            f"The run “{run_name}” is training right now, and only one training can run at a time. "
            "Wait until it ends or stop it first."
        )
