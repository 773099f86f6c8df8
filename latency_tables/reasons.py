"""What a foreign program's error says, in one line."""


def last_line(error: BaseException) -> str:
    """The last line of an error, where runtimes put the cause; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
