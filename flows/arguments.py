"""What commands take without an option's name, called as in the README: MODEL, CORPUS, SOURCE."""

from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

Model = Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
Corpus = Positional[Annotated[str, tyro.conf.arg(metavar="CORPUS")]]
Sources = Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="SOURCE ...")]]
