"""Sources of an ingest are found once, and grouped into few tasks."""

import pytest

from elman.tasks.ingest.sources import MOST_TASKS, grouped


@pytest.mark.parametrize("count", [1, MOST_TASKS, MOST_TASKS + 1, 1000, 5000])
def test_there_are_never_more_groups_than_tasks_allowed(three_sources, count):
    many = [three_sources[number % 3] for number in range(count)]
    groups = grouped(many)
    assert [source for group in groups for source in group] == many
    assert len(groups) <= MOST_TASKS
    assert count > MOST_TASKS or len(groups) == count
