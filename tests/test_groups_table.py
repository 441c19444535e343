from __future__ import annotations

from esrgan_train.config import compose_with_hydra
from tests.groups_table import HEAD, PAGE, groups, table


def test_the_documentation_names_every_group_and_choice():
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(HEAD) == 1
    assert table(page) in page, "write it again: python -m tests.groups_table"
    assert "| ? |" not in table(page)


def test_the_table_has_the_groups_that_hydra_composes():
    _, node = compose_with_hydra([])
    composed = {group.partition("@")[0] for group in node.runtime.choices}
    assert {group for group in composed if not group.startswith("hydra/")} <= set(groups())
    assert {"paired", "folder", "sample", "mixed", "debian"} == set(groups()["data"])
    assert {"unet_sn"} <= set(groups()["discriminator"])
