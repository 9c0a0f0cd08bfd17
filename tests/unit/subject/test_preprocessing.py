import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from auditlens.errors import ModelError
from auditlens.spec.model import Preprocessing
from auditlens.subject.preprocessing import Declared, sentence

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def picture(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("size", [(97, 61), (61, 97), (50, 50), (33, 120)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_shortest_is_what_torchvision_does(size, interpolation):
    image = picture(*size)
    there = transforms.Compose(
        [
            transforms.Resize(40, InterpolationMode(interpolation)),
            transforms.CenterCrop(33),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    here = Declared(Preprocessing(resize=40, crop=33, mode="shortest", interpolation=interpolation, mean=MEAN, std=STD))
    torch.testing.assert_close(here(image), there(image), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(97, 61), (20, 30)])
def test_squash_is_what_torchvision_does(size):
    image = picture(*size)
    there = transforms.Compose([transforms.Resize((24, 40)), transforms.ToTensor()])
    torch.testing.assert_close(Declared(Preprocessing(resize=(24, 40)))(image), there(image), atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(97, 61), (20, 30)])
def test_squash_and_crop_is_what_torchvision_does(size):
    image = picture(*size)
    there = transforms.Compose([transforms.Resize((24, 40)), transforms.CenterCrop(21), transforms.ToTensor()])
    here = Declared(Preprocessing(resize=(24, 40), crop=21))(image)
    torch.testing.assert_close(here, there(image), atol=1e-6, rtol=0)


@pytest.mark.parametrize("std", [(0.5,), (0.5, 0.5, 0.5)])
def test_one_channel_is_the_luma(std):
    image = picture(31, 20)
    there = transforms.Compose([transforms.Grayscale(), transforms.Resize((10, 12)), transforms.ToTensor()])
    here = Declared(Preprocessing(resize=(10, 12), channels=1, mean=std, std=std))(image)
    assert here.shape == (1, 10, 12)
    torch.testing.assert_close(here, (there(image) - 0.5) / 0.5, atol=1e-6, rtol=0)
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert torch.equal(Declared(Preprocessing(channels=1, scale=1.0))(grey)[0], torch.arange(256.0).reshape(16, 16))


def test_a_picture_of_more_bits_is_not_clipped():
    for mode in ("I", "I;16", "F"):
        with pytest.raises(ModelError, match="more than 8 bits"):
            Declared(Preprocessing())(Image.new(mode, (4, 4)))


def test_one_number_stands_for_all_channels():
    image = picture(9, 9)
    short, long = Preprocessing(mean=(0.4,), std=(0.2,)), Preprocessing(mean=(0.4,) * 3, std=(0.2,) * 3)
    assert torch.equal(Declared(short)(image), Declared(long)(image))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"channels": 1, "mean": MEAN}, "one mean"),
        ({"std": (0.0,)}, "above 0"),
        ({"mode": "centre_square", "crop": 9}, "no crop"),
    ],
)
def test_preprocessing_that_contradicts_itself(fields, words):
    with pytest.raises(ValueError, match=words):
        Preprocessing(**fields)


def test_a_crop_larger_than_the_image_is_padded_with_black():
    image = picture(30, 20)
    there = transforms.Compose([transforms.Resize(20), transforms.CenterCrop(24), transforms.ToTensor()])
    here = Declared(Preprocessing(resize=20, crop=24, mode="shortest"))(image)
    torch.testing.assert_close(here, there(image), atol=1e-6, rtol=0)


def test_centre_square_crops_then_resizes():
    image = picture(31, 20)
    here = Declared(Preprocessing(resize=10, mode="centre_square", scale=1 / 127.5, mean=(1, 1, 1)))(image)
    cut = image.crop((6, 0, 26, 20)).resize((10, 10), Image.Resampling.BILINEAR)
    expected = torch.from_numpy(np.asarray(cut).astype(np.float32)).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(here, expected, atol=1e-6, rtol=0)


def test_without_a_size_the_image_stays():
    assert Declared(Preprocessing())(picture(13, 9)).shape == (3, 9, 13)
    assert Declared(Preprocessing(mode="centre_square"))(picture(13, 9)).shape == (3, 9, 9)
    assert Declared(Preprocessing(mode="shortest", crop=5))(picture(13, 9)).shape == (3, 5, 5)


def test_pixels_and_pictures_are_the_same_thing():
    image = picture(13, 9)
    prepare = Declared(Preprocessing(resize=7))
    assert torch.equal(prepare(image), prepare(np.asarray(image)))
    assert prepare(image.convert("L")).shape == (3, 7, 7)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (Preprocessing(resize=224, mean=MEAN, std=STD), ["resized to 224 x 224", "1/255", "0.485", "0.229"]),
        (Preprocessing(resize=(10, 20)), ["20 x 10 pixels"]),
        (Preprocessing(resize=256, crop=224, mode="shortest"), ["shorter side is 256", "central 224 x 224"]),
        (
            Preprocessing(resize=224, mode="centre_square", scale=1 / 127.5, mean=(1, 1, 1)),
            ["square", "1/127.5", "mean 1."],
        ),
        (Preprocessing(scale=1.0), ["0 to 255"]),
        (Preprocessing(resize=256, crop=224), ["256 x 256 pixels", "cut to the central 224 x 224"]),
        (Preprocessing(channels=1, mean=(0.5,)), ["turned to grey", "mean 0.5"]),
    ],
)
def test_sentences(declared, words):
    text = sentence(declared, Declared(declared))
    assert text.startswith("The decoded RGB image is")
    assert text.endswith(".")
    for word in words:
        assert word in text
