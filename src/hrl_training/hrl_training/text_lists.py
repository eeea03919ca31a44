"""Lists in ROS parameters of type text: command line and both launchers hand on text only."""


def text_list(text: str) -> list[str]:
    """The parts between commas, without surrounding space; none of an empty text."""
    return [part.strip() for part in text.split(",") if part.strip()]
