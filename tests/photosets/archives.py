"""Archives that tests make."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as opened:
        for name, content in files.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method  # as it is: the constructor would tidy it up
            opened.writestr(info, content)
    return stream.getvalue()


def tar_of(files: Mapping[str, bytes], *, compression: str = "tar") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:" if compression == "tar" else f"w:{compression}") as opened:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def ar(files: Mapping[str, bytes]) -> bytes:
    """As dpkg writes it: names without a slash, content padded to even lengths."""
    parts = [b"!<arch>\n"]
    for name, content in files.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)
