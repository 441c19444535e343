"""Licences as the model database and the Hugging Face Hub name them."""

from __future__ import annotations

import re

# https://github.com/OpenModelDB/open-model-database/blob/main/src/lib/license.ts
KNOWN = (
    "Apache-2.0",
    "Academic-Research-Only",
    "BSD-3-Clause",
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "GPL-3.0-only",
    "MIT",
    "Unlicense",
    "WTFPL",
)
# Those of https://huggingface.co/docs/hub/repositories-licenses that SPDX has too; the Hub writes them small.
_HUB = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear cc0-1.0 cc-by-2.0
    cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0
    cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 gpl-2.0 gpl-3.0 isc lgpl-2.1
    lgpl-3.0 mit mpl-2.0 unlicense wtfpl zlib
"""


def spdx(text: str) -> str | None:
    """SPDX identifiers joined by OR, known ones in their own spelling; None if ``text`` is something else."""
    parts = re.split(r"\s+OR\s+", text.strip(), flags=re.IGNORECASE)
    if not all(re.fullmatch(r"[A-Za-z0-9.-]+", part) for part in parts):
        return None
    spelt = {name.lower(): name for name in KNOWN}
    return " OR ".join(spelt.get(part.lower(), part) for part in parts)


def is_known(text: str) -> bool:
    """Whether the database can say what this licence allows."""
    return all(part in KNOWN for part in (spdx(text) or "").split(" OR "))


def on_hub(text: str) -> dict[str, str]:
    """What a card's front matter says of a licence: ``license``, and its name if the Hub does not know it."""
    identifier = re.sub(r"-(only|or-later)$", "", text.strip().lower())
    if identifier in _HUB.split():
        return {"license": identifier}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-") or "other"}
