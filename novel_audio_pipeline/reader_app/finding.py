"""What publishing finds: where library, reader app and links do not agree, and what to do."""

from novel_audio_pipeline.library.finding import Finding, Severity

# ``error``: what is listed does not play; ``warning``: something is not published; ``info``: good
# to know.
_KINDS: dict[str, tuple[Severity, str]] = {
    "text_differs": (
        "warning",
        "Narrate the chapter from the app's database, then publish again; or correct the text.",
    ),
    "number_differs": (
        "warning",
        "The app finds audio by number. Narrate the chapter from the app's database, then publish.",
    ),
    "paragraph_not_in_library": ("warning", "Narrate the chapter, then publish again."),
    "paragraph_not_in_app": ("info", "The app cannot play it. Its text has fewer paragraphs."),
    "paragraph_unnumbered": ("warning", "Let the app read the novel again; it plays by number."),
    "audio_not_intact": ("warning", "Narrate the chapter: it is spoken again; then publish."),
    "chapter_not_in_app": ("warning", "Let the app read the novel again, then publish."),
    "novel_not_in_app": ("info", "The app does not know it; it plays what it has imported itself."),
    "app_id_unfit": ("warning", "Its id can be no folder name. Let the app import it again."),
    "folder_in_the_way": (
        "error",
        "Move the folder away, take its audio over with library adopt, then publish again.",
    ),
    "link_in_the_way": ("error", "Somebody else's link. Look where it leads, then remove it."),
    "copy_changed": (
        "warning",
        "The app has spoken it anew in its own folder; that is left. Remove it to publish ours.",
    ),
    "published_row_without_file": ("error", "Publish the chapter again."),
    "published_file_differs": ("warning", "Publish the chapter again."),
    "file_without_row": ("warning", "Publish the chapter again."),
    "app_row_without_file": (
        "warning",
        "Written by the app and left alone. Narrate the chapter and publish it: that replaces it.",
    ),
    "dangling_link": ("error", "Publish the novel again; or undo, if it left the library."),
    "row_not_restored": (
        "info",
        "The app has deleted what the row belonged to; it stays in the side table.",
    ),
}

CODES = tuple(_KINDS)


def found(code: str, path: str, message: str) -> Finding:
    """Return a finding with the severity and advice of its code.

    Args:
        code: One of ``CODES``.
        path: Chapter key, with the paragraph's number behind it where it is about one.
        message: What is so.
    """
    severity, advice = _KINDS[code]
    return Finding(code, severity, path, message, advice)
