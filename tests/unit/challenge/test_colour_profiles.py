import numpy as np
import pytest
from PIL import ImageCms

from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import as_grey, is_grey
from auditlens.errors import ArtefactError

from .scenes import artefact_of, skin

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exchanged(profile: bytes) -> bytes:
    """The same profile of a device that calls red what is blue."""
    return profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "a_swapped.icc").write_bytes(exchanged(SRGB))
    (tmp_path / "profiles" / "b_same.ICM").write_bytes(SRGB)
    return tmp_path


@pytest.mark.parametrize("direction", ["written_by", "read_as"])
def test_a_device_that_calls_red_blue(folder, direction):
    source = load_artefact(artefact_of("colour_profile", profiles="profiles", direction=direction), folder, 0)
    assert source.names == ("a_swapped", "b_same")
    image = skin(0)
    shown = source.render(image, 0, np.random.default_rng(0), None)
    assert np.abs(shown.inserted.astype(int) - image[:, :, ::-1]).max() <= 3
    assert shown.full_field
    assert (shown.alpha == 1).all()
    assert np.abs(source.render(image, 1, np.random.default_rng(0), None).inserted.astype(int) - image).max() <= 2


def test_opacity_is_half_way_and_grey_stays_grey(folder):
    source = load_artefact(artefact_of("colour_profile", profiles="profiles/a_*.icc", opacity=(0.5, 0.5)), folder, 0)
    image = skin(1)
    half = source.render(image, 0, np.random.default_rng(0), None).inserted
    assert np.abs(half - (image + image[:, :, ::-1].astype(float)) / 2).max() <= 3
    assert is_grey(source.render(as_grey(image), 0, np.random.default_rng(0), None).inserted)


def test_the_directions_are_inverse_to_each_other(tmp_path):
    """A device of other primaries: what it writes, read as its own, is what was there."""
    wide = SRGB.replace(SRGB[SRGB.index(b"XYZ \0\0\0\0", 460) :][8:12], b"\x00\x00\x80\x00", 1)
    (tmp_path / "wide.icc").write_bytes(wide)
    there, back = (
        load_artefact(artefact_of("colour_profile", profiles="wide.icc", direction=direction), tmp_path, 0)
        for direction in ("written_by", "read_as")
    )
    image = skin(2)
    written = there.render(image, 0, np.random.default_rng(0), None).inserted
    assert np.abs(written.astype(int) - image).mean() > 3
    assert np.abs(back.render(written, 0, np.random.default_rng(0), None).inserted.astype(int) - image).mean() < 1.5


def test_profiles_that_cannot_be_used_are_told_by_name(folder):
    (folder / "bad").mkdir()
    (folder / "bad" / "broken.icc").write_bytes(b"no profile at all")
    with pytest.raises(ArtefactError, match=r"profiles: .*broken\.icc: cannot be used as an ICC profile"):
        load_artefact(artefact_of("colour_profile", profiles="bad"), folder, 0)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    (folder / "bad" / "broken.icc").write_bytes(lab)
    with pytest.raises(ArtefactError, match=r"broken\.icc: is a profile of Lab; valid are profiles of RGB"):
        load_artefact(artefact_of("colour_profile", profiles="bad"), folder, 0)
    with pytest.raises(ArtefactError, match=r"no ICC profiles here.*did you mean 'profiles'"):
        load_artefact(artefact_of("colour_profile", profiles="profile"), folder, 0)


@pytest.mark.parametrize("fields", [{}, {"profiles": "x", "swap": {"column": "device"}}])
def test_one_origin_of_the_colours(fields):
    with pytest.raises(ValueError, match="either swap, or profiles"):
        artefact_of("colour_profile", **fields)
