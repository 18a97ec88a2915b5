"""What a failed check raises."""


class NotReadyError(Exception):
    """The reason why a commit can't be published, in one sentence."""
