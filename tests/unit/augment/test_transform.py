"""Transforms for training code: same type in and out, rates, seeds, workers, and designs other than the audit's."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision import transforms
from torchvision.transforms import v2

from auditlens.augment import ArtefactTransform
from auditlens.augment.sources import Artefacts
from auditlens.challenge.draws import stream
from auditlens.challenge.instances import load_artefact
from auditlens.errors import InputError
from auditlens.spec.load import load_spec


@pytest.fixture(scope="module")
def always(spec):
    return ArtefactTransform(spec, "all", 1.0)


def test_a_pil_image_stays_one_of_the_same_mode(always, image):
    for mode in ("RGB", "L"):
        picture = Image.fromarray(image).convert(mode)
        before = np.asarray(picture).copy()
        torch.manual_seed(0)
        after = always(picture)
        assert (after.mode, after.size) == (mode, picture.size)
        assert (np.asarray(after) != before).any()
        np.testing.assert_array_equal(np.asarray(picture), before)


def test_a_tensor_stays_a_tensor_and_gets_the_same_pixels(always, image):
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    torch.manual_seed(4)
    after = always(tensor)
    torch.manual_seed(4)
    picture = always(Image.fromarray(image))
    assert after.dtype == torch.uint8 and after.shape == tensor.shape
    np.testing.assert_array_equal(after.permute(1, 2, 0).numpy(), np.asarray(picture))
    assert always(tensor[:1]).shape == (1, 60, 80)
    assert always(image).shape == image.shape


def test_it_works_in_both_generations_of_torchvision(spec, image):
    tool = ArtefactTransform(spec, ["ruler"], 1.0)
    old = transforms.Compose([transforms.Resize(48), tool, transforms.ToTensor()])
    new = v2.Compose([v2.ToImage(), tool, v2.ToDtype(torch.float32, scale=True)])
    assert old(Image.fromarray(image)).shape == (3, 48, 64)
    assert new(Image.fromarray(image)).shape == (3, 60, 80)
    assert repr(tool) == "ArtefactTransform(ruler; p=1)"


def test_the_rate_is_the_one_asked_for(spec, image):
    tool = ArtefactTransform(spec, "all", 0.3)
    torch.manual_seed(1)
    touched = sum(bool((tool(image) != image).any()) for _ in range(300))
    assert stats.binomtest(touched, 300, 0.3).pvalue > 0.001


def test_torch_s_seed_fixes_the_sequence(always, image):
    runs = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        runs.append(np.stack([always(image) for _ in range(6)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()
    assert len({one.tobytes() for one in runs[0]}) > 3


class Images(torch.utils.data.Dataset):
    """The same grey picture again and again."""

    def __init__(self, tool, image):
        self.tool, self.image = tool, image

    def __len__(self):
        return 8

    def __getitem__(self, row):
        return torch.from_numpy(np.array(self.tool(self.image)))


def test_workers_differ_from_each_other_and_it_can_be_sent_to_them(always, image):
    again = pickle.loads(pickle.dumps(always))
    torch.manual_seed(3)
    loader = torch.utils.data.DataLoader(Images(again, image), batch_size=4, num_workers=2)
    batches = [batch.numpy() for batch in loader]
    assert len(batches) == 2
    assert (batches[0] != batches[1]).any()


def test_drawn_artefacts_are_not_those_of_the_audit(spec, image):
    loaded = load_spec(spec, check_paths=False)
    audited = load_artefact(loaded.spec.artefacts["ruler"], loaded.base, loaded.spec.seed)
    trained = Artefacts(loaded, ["ruler"], 1.0, loaded.spec.seed).sources["ruler"]

    def drawn(source):
        return {source.render(image, k, stream("x", 0), None).inserted.tobytes() for k in range(source.n_instances)}

    assert drawn(audited).isdisjoint(drawn(trained))


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (torch.zeros(3, 8, 8), r"Tensor of torch\.float32 and shape \(3, 8, 8\)"),
        (np.zeros((8, 8), np.uint8), r"ndarray of uint8 and shape \(8, 8\)"),
        (Image.new("RGBA", (8, 8)), "mode RGBA"),
        ("x.png", "a str"),
    ],
)
def test_another_kind_of_picture_is_refused(always, picture, said):
    with pytest.raises(InputError, match=said):
        always(picture)
