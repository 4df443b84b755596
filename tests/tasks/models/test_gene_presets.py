"""Presets of gene finders."""

import pytest

from elman.data.errors import UsageError
from elman.tasks.models import gene_presets


def test_a_preset_for_text_is_a_usage_error():
    with pytest.raises(UsageError, match="default"):
        gene_presets.dna_preset("article")
