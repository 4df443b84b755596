"""Names of files in a folder that are no corpus, whatever they hold: read if the user names them."""

import re

_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|changelog|citation|authors)\b.*|.*\.(md|rst)")
# Of Windows, macOS and Office; of Spark, Databricks, Delta Lake and Parquet's summaries.
_OF_SYSTEMS = re.compile(
    r"(.*/)?(((eh)?thumbs\.db|desktop\.ini|icon\r|~\$.*|_(committed|started)_.*|_(common_)?metadata)"
    r"|(__macosx|_temporary|_delta_log)/.*)",
    re.DOTALL,
)


def reason_to_skip(name: str, file: str) -> str | None:
    """Reason why a file in a folder is skipped by its name, or None.

    Args:
        name: with the folders it lies in.
        file: the last part of it, in lower case, without the ending of a compression.
    """
    if _ABOUT.fullmatch(file):
        return "about the corpus, not of it"
    if _OF_SYSTEMS.fullmatch(name.lower()):
        return "a file of another system, not of the corpus"
    return None
