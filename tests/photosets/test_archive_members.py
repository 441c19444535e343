"""Archives with what no archive of photographs holds."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.photosets import members as members_module
from esrgan_train.photosets.members import reading
from tests.photosets.archives import ar, tar_of, zip_of


def contents(archive: Path) -> dict[str, bytes]:
    with reading(archive) as members:
        return {str(path): content.read() for path, content in members}


FILES = {"set/a.png": b"first", "set/deep/b.png": b"second", "readme": b""}


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_files_come_with_path_and_content(suffix, tmp_path):
    archive = tmp_path / f"set{suffix}"
    if suffix == ".zip":
        archive.write_bytes(zip_of(FILES))
    else:
        archive.write_bytes(tar_of(FILES, compression=suffix.rpartition(".")[2]))
    assert contents(archive) == FILES


@pytest.mark.parametrize("compression", ["tar", "gz", "xz"])
def test_a_debian_package_gives_what_it_installs(compression, tmp_path):
    ending = {"tar": "", "gz": ".gz", "xz": ".xz"}[compression]
    package = ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar.xz": b"odd length here",
            f"data.tar{ending}": tar_of({"./usr/share/a.jpg": b"first"}, compression=compression),
        }
    )
    (tmp_path / "some.deb").write_bytes(package)
    assert contents(tmp_path / "some.deb") == {"usr/share/a.jpg": b"first"}


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "set/../../evil.png", "C:evil.png", "a\\evil.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_leads_out_is_refused(name, kind, tmp_path):
    archive = tmp_path / f"set.{kind}"
    archive.write_bytes((zip_of if kind == "zip" else tar_of)({"fine.png": b"fine", name: b"evil"}))
    with pytest.raises(UserError, match=r"set\.\w+: it holds .*evil\.png', which may lead out of it"):
        contents(archive)


def test_links_and_devices_are_left_out(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as opened:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(f"{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            opened.addfile(info)
        info = tarfile.TarInfo("fine.png")
        info.size = 4
        opened.addfile(info, io.BytesIO(b"fine"))
    (tmp_path / "set.tar").write_bytes(stream.getvalue())
    assert contents(tmp_path / "set.tar") == {"fine.png": b"fine"}


def test_a_link_in_a_zip_is_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as opened:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
        opened.writestr("fine.png", b"fine")
    assert contents(tmp_path / "set.zip") == {"fine.png": b"fine"}


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz"])
def test_a_bomb_is_refused_before_it_is_unpacked(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(members_module, "_SLACK", 100_000)
    bomb = {"a.png": bytes(10_000_000)}
    made = zip_of(bomb, zipfile.ZIP_DEFLATED) if suffix == "zip" else tar_of(bomb, compression=suffix[4:])
    (tmp_path / f"set.{suffix}").write_bytes(made)
    seen = 0
    with pytest.raises(UserError, match="more comes out of it"), reading(tmp_path / f"set.{suffix}") as members:
        for _, content in members:
            while block := content.read(10_000):
                seen += len(block)
    assert seen <= 100_000 + 4 * len(made)


def test_a_bomb_of_many_files_counts_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(members_module, "_SLACK", 100_000)
    files = {f"{number}.png": bytes(90_000) for number in range(50)}
    (tmp_path / "set.zip").write_bytes(zip_of(files, zipfile.ZIP_DEFLATED))
    with pytest.raises(UserError, match="more comes out of it"):
        contents(tmp_path / "set.zip")


def test_a_name_of_a_gigabyte_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(members_module, "_SLACK", 100_000)
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**30
    made = lzma.compress(header.tobuf() + bytes(3_000_000))
    (tmp_path / "set.tar.xz").write_bytes(made)
    with pytest.raises(UserError, match="more comes out of it"):
        contents(tmp_path / "set.tar.xz")


@pytest.mark.parametrize("suffix", ["tar", "tar.xz", "tar.gz", "tar.bz2", "zip", "deb"])
def test_a_damaged_archive_is_named(suffix, tmp_path):
    archive = tmp_path / f"set.{suffix}"
    files = {"a.png": bytes(range(256)) * 400}
    tar = tar_of(files, compression={"deb": "xz", "zip": "tar"}.get(suffix, suffix.rpartition(".")[2]))
    whole = {"zip": zip_of(files), "deb": ar({"debian-binary": b"2.0\n", "data.tar.xz": tar})}.get(suffix, tar)
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"^\S+set\.{suffix}( cannot be unpacked|: a \.zip)"):
        contents(archive)


def test_what_is_no_archive_or_is_encrypted_is_refused(tmp_path):
    (tmp_path / "page.zip").write_text("<html>please log in</html>")
    with pytest.raises(UserError, match=r"page\.zip: a \.zip cannot be unpacked"):
        contents(tmp_path / "page.zip")
    made = bytearray(zip_of({"a.png": b"secret"}))
    made[6] |= 1  # the flag, in the local header and in the directory
    made[made.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "set.zip").write_bytes(bytes(made))
    with pytest.raises(UserError, match=r"a\.png is encrypted"):
        contents(tmp_path / "set.zip")


@pytest.mark.parametrize(
    "package",
    [
        b"!<arch>\n",
        ar({"debian-binary": b"2.0\n"}),
        b"!<arch>\n" + b"x" * 60,
        ar({f"m{n}": b"" for n in range(40)}),
    ],
)
def test_a_package_without_data_is_refused(package, tmp_path):
    (tmp_path / "some.deb").write_bytes(package)
    with pytest.raises(UserError, match="it is no whole Debian package"):
        contents(tmp_path / "some.deb")


def test_a_full_disk_is_not_called_a_damaged_archive(tmp_path):
    (tmp_path / "set.zip").write_bytes(zip_of(FILES))
    with pytest.raises(OSError, match="No space"), reading(tmp_path / "set.zip"):
        raise OSError(28, "No space left on device")


def test_gzip_of_the_standard_library_agrees(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(gzip.compress(tar_of(FILES)))
    assert contents(tmp_path / "set.tar.gz") == FILES
