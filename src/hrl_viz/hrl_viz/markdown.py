"""Words of others in Markdown."""


def verbatim(text: str) -> str:
    """Return Markdown that is shown as ``text``, in one line.

    viser's page renders HTML within Markdown as it comes, scripts included. A character reference stands for its
    character and nothing else, so every sign becomes one: HTML, Markdown and addresses are made of signs.
    """
    line = " ".join(text.split())
    return "".join(letter if letter.isalnum() or letter == " " else f"&#{ord(letter)};" for letter in line)
